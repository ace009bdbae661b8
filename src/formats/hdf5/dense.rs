//! Fractal heaps and version 2 B-trees, in which newer files keep the links or attributes of large groups.

use super::file::{File, UNDEFINED};
use crate::{Error, Result, formats::bytes::Cursor};

/// Calls `each` with every object of the heap at `heap` that the B-tree at `tree` lists; in a record of the tree
/// the heap's identifier of the object begins at byte `identifier`.
pub(super) fn objects<'a>(
    file: &File<'a>,
    heap: u64,
    tree: u64,
    identifier: usize,
    mut each: impl FnMut(Cursor<'a>) -> Result<()>,
) -> Result<()> {
    let heap = Heap::read(file, heap)?;
    Tree::records(file, tree, &mut |mut record| {
        record.take(identifier)?;
        each(heap.object(file, record)?)
    })
}

/// What the header of a fractal heap says. Objects lie in a row of blocks, `width` of each size; sizes double from the third row on.
struct Heap {
    /// Bytes of an offset, and of a length, in an identifier.
    offset: usize,
    length: usize,
    width: u64,
    first_block: u64,
    largest_block: u64,
    root: u64,
    /// Rows of the root block if it is one of addresses, else zero.
    rows: u16,
}

impl Heap {
    fn read(file: &File, address: u64) -> Result<Self> {
        let mut head = file.block(address, 146)?;
        head.expect(b"FRHP\0")?;
        head.take(2)?;
        let filters = head.u16()?;
        head.take(1)?;
        let largest_object = head.u32()?;
        head.take(96)?;
        let width = head.u16()?.into();
        let (first_block, largest_block) = (head.u64()?, head.u64()?);
        let bits = head.u16()?;
        head.take(2)?;
        let (root, rows) = (head.u64()?, head.u16()?);
        let powers = [width, first_block, largest_block].iter().all(|size: &u64| size.is_power_of_two());
        if filters != 0 || !powers || bits > 64 || largest_object == 0 || first_block > largest_block {
            return Err(Error::data(format!("offset {address}: a fractal heap with filters or sizes that are not supported")));
        }
        let length = usize::min(largest_block.ilog2().div_ceil(8) as usize, largest_object.ilog2() as usize / 8 + 1);
        Ok(Self { offset: usize::from(bits).div_ceil(8), length, width, first_block, largest_block, root, rows })
    }

    /// The object that an identifier names.
    fn object<'a>(&self, file: &File<'a>, mut identifier: Cursor<'a>) -> Result<Cursor<'a>> {
        let place = identifier.offset();
        let kind = identifier.u8()? >> 4;
        if kind != 0 {
            return Err(Error::data(format!("offset {place}: object of type {kind} in a fractal heap; only managed ones are supported")));
        }
        let (offset, length) = (identifier.number(self.offset)?, identifier.number(self.length)?);
        let missing = || Error::data(format!("offset {place}: the fractal heap holds no {length} bytes at {offset}"));
        if self.root == UNDEFINED {
            return Err(missing());
        }
        if self.rows == 0 {
            return file.block(self.root.checked_add(offset).ok_or_else(missing)?, length);
        }
        // From one block of addresses to the next, until the entry is a block of objects.
        let (mut block, mut rows, mut offset) = (self.root, u64::from(self.rows.min(64)), offset);
        loop {
            let entry = (0..rows).find_map(|row| {
                let size = self.block_size(row)?;
                let row_size = size.checked_mul(self.width)?;
                if offset >= row_size {
                    offset -= row_size;
                    return None;
                }
                let column = offset / size;
                offset %= size;
                Some((size, row * self.width + column))
            });
            let (size, entry) = entry.ok_or_else(missing)?;
            let addresses = 13 + self.offset as u64;
            let mut name = file.block(block, 4)?;
            name.expect(b"FHIB")?;
            let child = file.block(block.saturating_add(addresses + 8 * entry), 8)?.u64()?;
            if size <= self.largest_block {
                return file.block(child.checked_add(offset).ok_or_else(missing)?, length);
            }
            let smaller = (size / self.width).checked_div(self.first_block).filter(|&ratio| ratio > 0).ok_or_else(missing)?;
            (block, rows) = (child, u64::from(smaller.ilog2()) + 1);
        }
    }

    /// Bytes of a block in `row`.
    fn block_size(&self, row: u64) -> Option<u64> {
        let doublings = u32::try_from(row.saturating_sub(1)).ok().filter(|&doublings| doublings < 64)?;
        self.first_block.checked_mul(1 << doublings)
    }
}

/// The sizes that a version 2 B-tree is made of.
pub(super) struct Tree {
    node: u64,
    record: u64,
}

impl Tree {
    /// Calls `each` with every record of the tree at `address`.
    pub fn records<'a>(file: &File<'a>, address: u64, each: &mut dyn FnMut(Cursor<'a>) -> Result<()>) -> Result<()> {
        let mut head = file.block(address, 38)?;
        head.expect(b"BTHD\0")?;
        head.take(1)?;
        let tree = Tree { node: head.u32()?.into(), record: head.u16()?.into() };
        let depth = head.u16()?;
        head.take(2)?;
        let (root, count) = (head.u64()?, head.u16()?);
        if tree.record == 0 || tree.node < 10 + tree.record || depth > 16 {
            return Err(Error::data(format!("offset {address}: a B-tree of depth {depth} with records of {} bytes", tree.record)));
        }
        if root == UNDEFINED {
            return Ok(());
        }
        tree.node(file, root, count.into(), depth.into(), each)
    }

    /// The most records of a node at `depth`, and of all below it.
    fn most(&self, depth: usize) -> (u64, u64) {
        let leaf = (self.node - 10) / self.record;
        (1..=depth).fold((leaf, leaf), |(_, below), depth| {
            let pointer = self.pointer(depth, leaf, below);
            let most = self.node.saturating_sub(10 + pointer) / (self.record + pointer);
            (most, (most + 1).saturating_mul(below).saturating_add(most))
        })
    }

    /// Bytes of a pointer to a child from `depth`: its address, its number of records and, if it is no leaf, of all below it.
    fn pointer(&self, depth: usize, leaf: u64, below: u64) -> u64 {
        8 + width(leaf) + if depth > 1 { width(below) } else { 0 }
    }

    fn node<'a>(
        &self,
        file: &File<'a>,
        address: u64,
        count: u64,
        depth: usize,
        each: &mut dyn FnMut(Cursor<'a>) -> Result<()>,
    ) -> Result<()> {
        let mut node = file.block(address, self.node)?;
        node.expect(if depth == 0 { b"BTLF\0" } else { b"BTIN\0" })?;
        node.take(1)?;
        for _ in 0..count {
            let offset = node.offset();
            each(Cursor::new(node.take(self.record as usize)?, offset))?;
        }
        if depth == 0 {
            return Ok(());
        }
        let (leaf, below) = (self.most(0).0, self.most(depth - 1).1);
        for _ in 0..=count {
            let child = node.u64()?;
            let records = node.number(width(leaf) as usize)?;
            node.take((self.pointer(depth, leaf, below) - 8 - width(leaf)) as usize)?;
            self.node(file, child, records, depth - 1, each)?;
        }
        Ok(())
    }
}

/// Bytes that hold a number up to `most`.
fn width(most: u64) -> u64 {
    u64::from(most.max(1).ilog2()) / 8 + 1
}
