//! Where the chunks of an array lie: B-trees of both versions, lists of fixed length, lists that grow, or nothing to be looked up.

use super::{
    chunks::Grid,
    dense::Tree,
    file::{File, UNDEFINED},
};
use crate::{Error, Result, formats::bytes::Cursor};

/// What an index says of a chunk.
pub(super) struct Stored {
    /// Where it begins in the array.
    pub start: Vec<u64>,
    pub address: u64,
    /// Its bytes in the file.
    pub bytes: u64,
    /// Filters that it did not go through, a bit for each.
    pub skipped: u32,
}

type Visit<'v> = &'v mut dyn FnMut(Stored) -> Result<()>;

/// An index, and where it lies.
pub(super) enum Index {
    /// Version 1 of the B-tree, which older files have.
    Tree {
        address: u64,
    },
    Single {
        address: u64,
        filtered: Option<(u64, u32)>,
    },
    /// All chunks one behind the other.
    Row {
        address: u64,
    },
    /// For arrays whose size is fixed.
    Fixed {
        address: u64,
    },
    /// For arrays that grow along one axis.
    Extensible {
        address: u64,
    },
    /// Version 2 of the B-tree, for arrays that grow along several.
    Tree2 {
        address: u64,
    },
}

impl Index {
    /// The index in the rest of a layout message of version 4.
    pub fn read(layout: &mut Cursor, flags: u8) -> Result<Self> {
        let offset = layout.offset();
        let kind = layout.u8()?;
        let filtered = if kind == 1 && flags & 2 != 0 { Some((layout.u64()?, layout.u32()?)) } else { None };
        // How nodes are made stands in the index again.
        layout.take(match kind {
            3 => 1,
            4 => 5,
            5 => 6,
            _ => 0,
        })?;
        let address = layout.u64()?;
        Ok(match kind {
            1 => Index::Single { address, filtered },
            2 => Index::Row { address },
            3 => Index::Fixed { address },
            4 => Index::Extensible { address },
            5 => Index::Tree2 { address },
            _ => return Err(Error::data(format!("offset {offset}: an index of chunks of type {kind} is not supported"))),
        })
    }

    /// Calls `visit` with every chunk that was written.
    pub fn chunks(&self, file: &File, grid: &Grid, filtered: bool, visit: Visit) -> Result<()> {
        match *self {
            Index::Tree { address: UNDEFINED }
            | Index::Single { address: UNDEFINED, .. }
            | Index::Row { address: UNDEFINED }
            | Index::Fixed { address: UNDEFINED }
            | Index::Extensible { address: UNDEFINED }
            | Index::Tree2 { address: UNDEFINED } => Ok(()),
            Index::Tree { address } => tree(file, address, grid, None, visit),
            Index::Single { address, filtered } => {
                let (bytes, skipped) = filtered.unwrap_or((grid.bytes, 0));
                visit(Stored { start: vec![0; grid.shape.len()], address, bytes, skipped })
            }
            Index::Row { address } => grid.starts(0).try_for_each(|(number, start)| {
                let address = address.saturating_add(number.saturating_mul(grid.bytes));
                visit(Stored { start, address, bytes: grid.bytes, skipped: 0 })
            }),
            Index::Fixed { address } => {
                let list = Fixed::read(file, address)?;
                listed(file, grid, filtered, 0, list.entry, |number| list.place(file, number), visit)
            }
            Index::Extensible { address } => {
                let list = Extensible::read(file, address)?;
                let grows = grid.most.iter().position(|&most| most == u64::MAX).unwrap_or(0);
                listed(file, grid, filtered, grows, list.entry, |number| list.place(file, number), visit)
            }
            Index::Tree2 { address } => Tree::records(file, address, &mut |mut record| {
                let positions = 8 * grid.shape.len();
                let entry = record.rest().len().checked_sub(positions);
                let stored = entry_of(&mut record, entry.unwrap_or(0) as u64, filtered, grid.bytes)?;
                let Some((address, bytes, skipped)) = stored else { return Ok(()) };
                let start = grid.sizes.iter().map(|&size| Ok(record.u64()?.saturating_mul(size))).collect::<Result<_>>()?;
                visit(Stored { start, address, bytes, skipped })
            }),
        }
    }
}

/// Chunks below a node of a version 1 B-tree; levels must fall.
fn tree(file: &File, address: u64, grid: &Grid, above: Option<u8>, visit: Visit) -> Result<()> {
    let mut head = file.block(address, 8)?;
    head.expect(b"TREE\x01")?;
    let (level, count) = (head.u8()?, head.u16()?);
    if above.is_some_and(|above| level >= above) {
        return Err(Error::data(format!("offset {address}: level {level} of a B-tree does not lie below the one above")));
    }
    // Siblings, then a key before each child: size, filters, and a place with one number more than there are axes.
    let key = 16 + 8 * grid.shape.len() as u64;
    let mut children = file.block(address, 24 + (key + 8) * u64::from(count))?;
    children.take(24)?;
    for _ in 0..count {
        let (bytes, skipped) = (children.u32()?.into(), children.u32()?);
        let start = grid.shape.iter().map(|_| children.u64()).collect::<Result<_>>()?;
        children.take(8)?;
        let address = children.u64()?;
        if level > 0 {
            tree(file, address, grid, Some(level), visit)?;
        } else {
            visit(Stored { start, address, bytes, skipped })?;
        }
    }
    Ok(())
}

/// Address, bytes and skipped filters in an entry of `size` bytes; none where the chunk was not written.
fn entry_of(entry: &mut Cursor, size: u64, filtered: bool, chunk: u64) -> Result<Option<(u64, u64, u32)>> {
    let offset = entry.offset();
    let width = size.checked_sub(12).filter(|width| filtered && (1..=8).contains(width));
    if width.is_none() && (filtered || size != 8) {
        return Err(Error::data(format!("offset {offset}: an index of chunks with entries of {size} bytes is not supported")));
    }
    let address = entry.u64()?;
    let (bytes, skipped) = match width {
        Some(width) => (entry.number(width as usize)?, entry.u32()?),
        None => (chunk, 0),
    };
    Ok((address != UNDEFINED).then_some((address, bytes, skipped)))
}

/// Chunks of a list whose entry for each number lies at a `place`, if it exists.
fn listed(
    file: &File,
    grid: &Grid,
    filtered: bool,
    slowest: usize,
    size: u64,
    place: impl Fn(u64) -> Result<Option<u64>>,
    visit: Visit,
) -> Result<()> {
    for (number, start) in grid.starts(slowest) {
        let Some(place) = place(number)? else { continue };
        let stored = entry_of(&mut file.block(place, size)?, size, filtered, grid.bytes)?;
        if let Some((address, bytes, skipped)) = stored {
            visit(Stored { start, address, bytes, skipped })?;
        }
    }
    Ok(())
}

/// Whether bit `at` of the bits from `address` on is set, the highest of a byte first.
fn bit(file: &File, address: u64, at: u64) -> Result<bool> {
    Ok(file.block(address.saturating_add(at / 8), 1)?.u8()? & (0x80 >> (at % 8)) != 0)
}

/// What is calculated from sizes that the file gives does not overflow in a good one.
fn overflow(address: u64) -> Error {
    Error::data(format!("offset {address}: a list of chunks that is larger than any file"))
}

/// A list of fixed length; a long one is cut into pages.
struct Fixed {
    address: u64,
    entry: u64,
    count: u64,
    /// Entries of a page.
    page: u64,
    block: u64,
}

/// Bytes of a block's name, version, kind, and the address of the list.
const PREFIX: u64 = 14;

/// Bytes of a checksum, which each page ends with.
const CHECKSUM: u64 = 4;

impl Fixed {
    fn read(file: &File, address: u64) -> Result<Self> {
        let mut head = file.block(address, 28)?;
        head.expect(b"FAHD\0")?;
        head.take(1)?;
        let (entry, bits) = (head.u8()?.into(), head.u8()?);
        let page = 1_u64.checked_shl(bits.into()).ok_or_else(|| overflow(address))?;
        let (count, block) = (head.u64()?, head.u64()?);
        if block != UNDEFINED {
            file.block(block, PREFIX)?.expect(b"FADB\0")?;
        }
        Ok(Self { address, entry, count, page, block })
    }

    /// Where the entry of chunk `number` lies.
    fn place(&self, file: &File, number: u64) -> Result<Option<u64>> {
        if self.block == UNDEFINED || number >= self.count {
            return Ok(None);
        }
        let place = |before: u64| {
            let place = number.checked_mul(self.entry)?.checked_add(before)?.checked_add(self.block + PREFIX);
            place.filter(|&place| place < UNDEFINED)
        };
        let before = if self.count <= self.page {
            0
        } else {
            let (pages, page) = (self.count.div_ceil(self.page), number / self.page);
            if !bit(file, self.block + PREFIX, page)? {
                return Ok(None);
            }
            pages.div_ceil(8) + CHECKSUM * (page + 1)
        };
        place(before).map(Some).ok_or_else(|| overflow(self.address))
    }
}

/// A list that grows: entries in its first block, then blocks that double in size with every second row of them; the first rows
/// are listed in the first block, each later one in a block of its own.
struct Extensible {
    address: u64,
    entry: u64,
    /// Bytes of a number of an entry.
    width: u64,
    /// Entries of the first block, of a block of the first row, and of a page.
    first: u64,
    least: u64,
    page: u64,
    /// Rows that are listed in the first block, and their blocks.
    rows: u64,
    blocks: u64,
    index: u64,
}

impl Extensible {
    fn read(file: &File, address: u64) -> Result<Self> {
        let mut head = file.block(address, 72)?;
        head.expect(b"EAHD\0")?;
        head.take(1)?;
        let (entry, bits, first) = (head.u8()?.into(), head.u8()?, head.u8()?.into());
        let (least, pointers, page_bits) = (u64::from(head.u8()?), u64::from(head.u8()?), head.u8()?);
        head.take(48)?;
        let index = head.u64()?;
        let page = 1_u64.checked_shl(page_bits.into()).ok_or_else(|| overflow(address))?;
        if !least.is_power_of_two() || !pointers.is_power_of_two() {
            return Err(Error::data(format!("offset {address}: a list of chunks with blocks of {least} and {pointers} entries")));
        }
        if index != UNDEFINED {
            file.block(index, PREFIX)?.expect(b"EAIB\0")?;
        }
        let rows = 2 * u64::from(pointers.ilog2());
        Ok(Self { address, entry, width: u64::from(bits).div_ceil(8), first, least, page, rows, blocks: 2 * (pointers - 1), index })
    }

    /// Where the entry of chunk `number` lies.
    fn place(&self, file: &File, number: u64) -> Result<Option<u64>> {
        if self.index == UNDEFINED {
            return Ok(None);
        }
        if number > 1 << 40 {
            return Err(overflow(self.address));
        }
        let inside = self.index + PREFIX;
        let Some(later) = number.checked_sub(self.first) else { return Ok(Some(inside + number * self.entry)) };
        let row = u64::from((later / self.least + 1).ilog2());
        // Blocks before this row, and entries of one of its blocks.
        let blocks_before = if row % 2 == 0 { 2 * ((1 << (row / 2)) - 1) } else { 3 * (1 << (row / 2)) - 2 };
        let entries = self.least << row.div_ceil(2);
        let later = later - ((1 << row) - 1) * self.least;
        let (block, at) = (later / entries, later % entries);
        let paged = entries > self.page;
        let pointers = inside + self.first * self.entry;
        let block = if row < self.rows {
            file.block(pointers + 8 * (blocks_before + block), 8)?.u64()?
        } else {
            let list = file.block(pointers + 8 * (self.blocks + row - self.rows), 8)?.u64()?;
            if list == UNDEFINED {
                return Ok(None);
            }
            file.block(list, PREFIX)?.expect(b"EASB\0")?;
            let inside = list + PREFIX + self.width;
            let (pages, count) = (entries / self.page, 1 << (row / 2));
            if paged && !bit(file, inside, block * pages + at / self.page)? {
                return Ok(None);
            }
            let bits = if paged { count * pages.div_ceil(8) } else { 0 };
            file.block(inside.saturating_add(bits + 8 * block), 8)?.u64()?
        };
        if block == UNDEFINED {
            return Ok(None);
        }
        file.block(block, PREFIX)?.expect(b"EADB\0")?;
        let checksums = if paged { CHECKSUM * (at / self.page + 1) } else { 0 };
        Ok(Some(block + PREFIX + self.width + checksums + at * self.entry))
    }
}
