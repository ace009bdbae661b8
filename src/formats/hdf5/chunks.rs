//! Arrays that lie in chunks: equal boxes of elements, each somewhere in the file, those at the edges reaching beyond the array.

use super::{
    dataset::Space,
    file::File,
    filters::{self, Filter},
    header::{Header, message},
    index::{Index, Stored},
};
use crate::{Error, Result, formats::bytes::Cursor};

/// How an array is cut into chunks.
pub(super) struct Grid {
    /// Of the array as it is, and as it may grow.
    pub shape: Vec<u64>,
    pub most: Vec<u64>,
    /// Elements of a chunk along each axis, and the bytes of all.
    pub sizes: Vec<u64>,
    pub bytes: u64,
}

impl Grid {
    /// Where each chunk begins, in elements, and its number among all that there may be, counted with axis `slowest` as the first.
    pub fn starts(&self, slowest: usize) -> impl Iterator<Item = (u64, Vec<u64>)> {
        let rank = self.shape.len();
        let counts: Vec<u64> = (0..rank).map(|axis| self.shape[axis].div_ceil(self.sizes[axis])).collect();
        let order: Vec<usize> = std::iter::once(slowest).chain((0..rank).filter(|&axis| axis != slowest)).collect();
        (0..counts.iter().product()).map(move |at| {
            let position = unravel(at, &counts);
            let number = order.iter().fold(0_u64, |number, &axis| {
                number.saturating_mul(self.most[axis].div_ceil(self.sizes[axis])).saturating_add(position[axis])
            });
            (number, position.iter().zip(&self.sizes).map(|(position, size)| position * size).collect())
        })
    }

    /// Whether a chunk reaches beyond the array.
    fn is_partial(&self, start: &[u64]) -> bool {
        (0..start.len()).any(|axis| start[axis].saturating_add(self.sizes[axis]) > self.shape[axis])
    }
}

/// The position of element `at` of a box, row by row.
fn unravel(mut at: u64, sizes: &[u64]) -> Vec<u64> {
    let mut position = vec![0; sizes.len()];
    for (axis, &size) in sizes.iter().enumerate().rev() {
        position[axis] = at % size;
        at /= size;
    }
    position
}

/// Puts the chunks that a layout message of `version` lists into `array`, whose elements have `element` bytes.
pub(super) fn read(
    file: &File,
    header: &Header,
    version: u8,
    mut layout: Cursor,
    space: &Space,
    element: usize,
    array: &mut [u8],
) -> Result<()> {
    let offset = layout.offset();
    let filters = header.first(message::FILTERS).map_or(Ok(Vec::new()), |body| filters::read(body, element))?;
    let flags = if version == 3 { 0 } else { layout.u8()? };
    let rank = usize::from(layout.u8()?);
    let tree = if version == 3 { Some(layout.u64()?) } else { None };
    let width = if version == 3 { 4 } else { layout.u8()?.into() };
    if !(1..=8).contains(&width) {
        return Err(Error::data(format!("offset {offset}: sizes of chunks of {width} bytes")));
    }
    let sizes = (0..rank).map(|_| layout.number(width)).collect::<Result<Vec<_>>>()?;
    let bytes = sizes.iter().try_fold(1_u64, |product, &size| product.checked_mul(size)).filter(|&bytes| bytes > 0);
    // Behind the axes comes the size of an element.
    let (Some((_, sizes)), Some(bytes)) = (sizes.split_last().filter(|(last, _)| **last == element as u64), bytes) else {
        return Err(Error::data(format!("offset {offset}: chunks of {sizes:?} bytes for elements of {element}")));
    };
    let shape: Vec<u64> = space.shape.iter().map(|&size| size as u64).collect();
    if sizes.len() != shape.len() || shape.is_empty() {
        return Err(Error::data(format!("offset {offset}: chunks {sizes:?} do not fit shape {}", space.shape)));
    }
    let grid = Grid { shape, most: space.most.clone(), sizes: sizes.to_vec(), bytes };
    let index = tree.map_or_else(|| Index::read(&mut layout, flags), |address| Ok(Index::Tree { address }))?;
    if array.is_empty() {
        return Ok(());
    }
    let unfiltered: &[Filter] = &[];
    index.chunks(file, &grid, !filters.is_empty(), &mut |chunk: Stored| {
        let content = file.block(chunk.address, chunk.bytes)?.rest();
        // A file may say that the chunks at the edges went through no filter.
        let filters = if flags & 1 != 0 && grid.is_partial(&chunk.start) { unfiltered } else { &filters };
        let content = filters::undo(file, filters, chunk.skipped, content, bytes);
        let content = content.map_err(|error| error.at(format_args!("offset {}", chunk.address)))?;
        place(array, &grid, &content, &chunk.start, element)
    })
}

/// Copies the part of a chunk that lies within the array, row by row.
fn place(array: &mut [u8], grid: &Grid, chunk: &[u8], start: &[u64], element: usize) -> Result<()> {
    let rest = start.iter().zip(&grid.shape).map(|(start, size)| size.checked_sub(*start).filter(|&rest| rest > 0));
    let Some(rest) = rest.collect::<Option<Vec<u64>>>() else {
        return Err(Error::data(format!("a chunk at {start:?} lies outside of shape {:?}", grid.shape)));
    };
    let extents: Vec<u64> = rest.iter().zip(&grid.sizes).map(|(&rest, &size)| rest.min(size)).collect();
    let (row, rows) = extents.split_last().expect("chunks have an axis");
    let bytes = *row as usize * element;
    for at in 0..rows.iter().product() {
        let mut position = unravel(at, rows);
        position.push(0);
        let ravel = |sizes: &[u64], position: &dyn Fn(usize) -> u64| {
            (0..sizes.len()).fold(0, |sum, axis| sum * sizes[axis] + position(axis)) as usize * element
        };
        let from = ravel(&grid.sizes, &|axis| position[axis]);
        let to = ravel(&grid.shape, &|axis| start[axis] + position[axis]);
        array[to..to + bytes].copy_from_slice(&chunk[from..from + bytes]);
    }
    Ok(())
}
