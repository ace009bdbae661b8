//! The file as a whole: superblock, blocks at offsets, and the global heaps that hold text.

use super::{Group, group, header::Header};
use crate::{Error, Result, formats::bytes::Cursor};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

/// What stands for "no address".
pub(super) const UNDEFINED: u64 = u64::MAX;

/// Groups within groups; Keras' models nest a handful.
pub(super) const MOST_LEVELS: usize = 64;

/// All arrays in chunks together may take this many bytes for each one of the file, and [`ALWAYS`] more.
const MOST_EXPANSION: u64 = 16;
const ALWAYS: u64 = 16 << 20;

const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

/// A file in memory. **Every block that is looked at is paid for** from a budget of a few times the file's length: in a file
/// where nothing lies twice it is never used up, and in no other can loops or shared pieces take more time or memory.
pub(super) struct File<'a> {
    bytes: &'a [u8],
    budget: Cell<u64>,
    /// Bytes that arrays in chunks may still take, which may be compressed or have holes.
    expansion: Cell<u64>,
    heaps: RefCell<HashMap<u64, HashMap<u32, &'a [u8]>>>,
}

impl<'a> File<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        let length = bytes.len() as u64;
        let (budget, expansion) = (Cell::new(4 * length + 4096), Cell::new(MOST_EXPANSION * length + ALWAYS));
        Self { bytes, budget, expansion, heaps: RefCell::default() }
    }

    /// The root group with all that is in it.
    pub fn read(&self) -> Result<Group> {
        let mut cursor = self.block(0, 16)?;
        if cursor.take(8)? != MAGIC {
            return Err(Error::data("this is no HDF5 file: its first bytes are others"));
        }
        let version = cursor.u8()?;
        let root = match version {
            0 | 1 => {
                let mut cursor = self.block(8, 96)?;
                cursor.take(5)?;
                let sizes = [cursor.u8()?, cursor.u8()?];
                cursor.take(if version == 0 { 9 } else { 13 })?;
                let base = cursor.u64()?;
                // Free space, end of file, driver, and the name of the root group's entry.
                cursor.take(32)?;
                (sizes, base, cursor.u64()?)
            }
            2 | 3 => {
                let sizes = [cursor.u8()?, cursor.u8()?];
                let mut cursor = self.block(12, 32)?;
                let base = cursor.u64()?;
                cursor.take(16)?;
                (sizes, base, cursor.u64()?)
            }
            _ => return Err(Error::data(format!("offset 8: superblock of version {version}; versions 0 to 3 are known"))),
        };
        match root {
            ([8, 8], 0, address) => group::read(self, &Header::read(self, address)?, 0),
            (sizes, base, _) => Err(Error::data(format!(
                "a superblock with addresses of {} and lengths of {} bytes from {base} on; only 8, 8 and 0 are supported",
                sizes[0], sizes[1]
            ))),
        }
    }

    /// Takes the cost of `count` bytes from the budget.
    pub fn charge(&self, count: u64) -> Result<()> {
        let rest = self.budget.get().checked_sub(count);
        let rest = rest.ok_or_else(|| Error::data("parts of this file lie over each other or run in circles"))?;
        self.budget.set(rest);
        Ok(())
    }

    /// Takes the cost of `count` bytes that the file holds in fewer from the budget for them.
    pub fn expand(&self, count: u64) -> Result<()> {
        let rest = self.expansion.get().checked_sub(count);
        let rest =
            rest.ok_or_else(|| Error::data(format!("arrays in chunks unpack to more than {MOST_EXPANSION} times the file's size")))?;
        self.expansion.set(rest);
        Ok(())
    }

    /// The block of `length` bytes at `offset`.
    pub fn block(&self, offset: u64, length: u64) -> Result<Cursor<'a>> {
        let end = offset.checked_add(length).filter(|&end| end <= self.bytes.len() as u64);
        let Some(end) = end else {
            let text = format!("offset {offset}: a block of {length} bytes does not lie in a file of {} bytes", self.bytes.len());
            return Err(Error::data(text));
        };
        self.charge(length)?;
        Ok(Cursor::new(&self.bytes[offset as usize..end as usize], offset))
    }

    /// Object `index` of the global heap at `address`.
    pub fn heap_object(&self, address: u64, index: u32) -> Result<&'a [u8]> {
        if !self.heaps.borrow().contains_key(&address) {
            let objects = self.read_heap(address)?;
            self.heaps.borrow_mut().insert(address, objects);
        }
        let object = self.heaps.borrow()[&address].get(&index).copied();
        let object = object.ok_or_else(|| Error::data(format!("offset {address}: the global heap has no object {index}")))?;
        self.charge(object.len() as u64)?;
        Ok(object)
    }

    fn read_heap(&self, address: u64) -> Result<HashMap<u32, &'a [u8]>> {
        let mut head = self.block(address, 16)?;
        head.expect(b"GCOL\x01\0\0\0")?;
        let size = head.u64()?;
        let mut cursor = self.block(address, size)?;
        cursor.take(16)?;
        let mut objects = HashMap::new();
        while cursor.rest().len() >= 16 {
            let index = cursor.u16()?.into();
            cursor.take(6)?;
            let size = cursor.u64()?;
            if index == 0 {
                break;
            }
            objects.insert(index, cursor.take(size.try_into().unwrap_or(usize::MAX))?);
            cursor.take((size.wrapping_neg() % 8).min(cursor.rest().len() as u64) as usize)?;
        }
        Ok(objects)
    }
}
