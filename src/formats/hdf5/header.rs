//! Object headers of both versions: the messages that say what a group or a dataset is.

use super::file::File;
use crate::{Error, Result, formats::bytes::Cursor};
use std::collections::VecDeque;

/// Types of messages.
pub(super) mod message {
    pub const DATASPACE: u8 = 0x01;
    pub const LINK_INFO: u8 = 0x02;
    pub const DATATYPE: u8 = 0x03;
    pub const FILL_VALUE: u8 = 0x05;
    pub const LINK: u8 = 0x06;
    pub const LAYOUT: u8 = 0x08;
    pub const GROUP_INFO: u8 = 0x0a;
    pub const FILTERS: u8 = 0x0b;
    pub const ATTRIBUTE: u8 = 0x0c;
    pub const CONTINUATION: u8 = 0x10;
    pub const SYMBOL_TABLE: u8 = 0x11;
    pub const ATTRIBUTE_INFO: u8 = 0x15;
}

/// A message's flag: its content lies elsewhere, shared with others.
const SHARED: u8 = 2;

/// The messages of an object, in the order of the file.
pub(super) struct Header<'a> {
    messages: Vec<(u8, Cursor<'a>)>,
}

impl<'a> Header<'a> {
    /// The header at `address`.
    pub fn read(file: &File<'a>, address: u64) -> Result<Self> {
        let mut prefix = file.block(address, 6)?;
        let mut header = Self { messages: Vec::new() };
        let mut blocks = VecDeque::new();
        // Version 2 begins with its name; version 1 with its number.
        let (v2, order) = if prefix.rest().starts_with(b"OHDR\x02") {
            prefix.take(5)?;
            let flags = prefix.u8()?;
            let times = if flags & 0x20 != 0 { 16 } else { 0 };
            let limits = if flags & 0x10 != 0 { 4 } else { 0 };
            let width = 1 << (flags & 3);
            let before = 6 + times + limits;
            let size = file.block(address + before, width)?.number(width as usize)?;
            blocks.push_back(file.block(address + before + width, size)?);
            (true, flags & 4 != 0)
        } else {
            let mut prefix = file.block(address, 12)?;
            prefix.expect(&[1])?;
            prefix.take(7)?;
            let size = prefix.u32()?;
            blocks.push_back(file.block(address + 16, size.into())?);
            (false, false)
        };
        let smallest = if v2 { 4 } else { 8 };
        while let Some(mut block) = blocks.pop_front() {
            while block.rest().len() >= smallest {
                let kind = if v2 { block.u8()? } else { u8::try_from(block.u16()?).unwrap_or(u8::MAX) };
                let size = block.u16()?;
                let flags = block.u8()?;
                block.take(if v2 { 2 * usize::from(order) } else { 3 })?;
                let offset = block.offset();
                let mut body = Cursor::new(block.take(size.into())?, offset);
                if kind == message::CONTINUATION {
                    blocks.push_back(Self::continuation(file, &mut body, v2)?);
                } else if flags & SHARED != 0 {
                    return Err(Error::data(format!("offset {offset}: message of type {kind} is shared, which is not supported")));
                } else {
                    header.messages.push((kind, body));
                }
            }
        }
        Ok(header)
    }

    fn continuation(file: &File<'a>, body: &mut Cursor<'a>, v2: bool) -> Result<Cursor<'a>> {
        let (address, size) = (body.u64()?, body.u64()?);
        let mut block = file.block(address, size)?;
        if v2 {
            // Between its name and its checksum.
            block.expect(b"OCHK")?;
            let (offset, inner) = (block.offset(), block.rest());
            block = Cursor::new(&inner[..inner.len().saturating_sub(4)], offset);
        }
        Ok(block)
    }

    /// All messages of a type.
    pub fn all(&self, kind: u8) -> impl Iterator<Item = Cursor<'a>> {
        self.messages.iter().filter(move |message| message.0 == kind).map(|message| message.1.clone())
    }

    /// The first message of a type.
    pub fn first(&self, kind: u8) -> Option<Cursor<'a>> {
        self.all(kind).next()
    }
}
