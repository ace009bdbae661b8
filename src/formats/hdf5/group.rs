//! Groups: their members by symbol table, by links, or by links in a fractal heap.

use super::{
    Dataset, Group, dataset, dense,
    file::{File, MOST_LEVELS, UNDEFINED},
    header::{Header, message},
};
use crate::{
    Error, Result,
    formats::bytes::{Cursor, text},
};

/// The group that `header` describes, with everything below it; it lies `level` groups deep.
pub(super) fn read(file: &File, header: &Header, level: usize) -> Result<Group> {
    if level > MOST_LEVELS {
        return Err(Error::data(format!("groups lie within groups more than {MOST_LEVELS} deep")));
    }
    let mut group = Group { attributes: dataset::attributes(file, header)?, ..Group::default() };
    for (name, address) in members(file, header)? {
        read_member(file, &mut group, &name, address, level).map_err(|error| below(&name, error))?;
    }
    Ok(group)
}

/// Puts a name in front of the place of an error, as the path of the file's groups.
fn below(name: &str, error: Error) -> Error {
    let text = error.to_string();
    let joint = if text.starts_with('/') { "" } else { ": " };
    Error::new(error.kind(), format!("/{name}{joint}{text}"))
}

fn read_member(file: &File, group: &mut Group, name: &str, address: u64, level: usize) -> Result<()> {
    let header = Header::read(file, address)?;
    let is = |kind: u8| header.first(kind).is_some();
    if is(message::LAYOUT) {
        let attributes = dataset::attributes(file, &header)?;
        let array = dataset::read(file, &header, &attributes)?;
        group.datasets.insert(name.into(), Dataset { attributes, array });
    } else if is(message::SYMBOL_TABLE) || is(message::LINK_INFO) || is(message::LINK) || is(message::GROUP_INFO) {
        group.groups.insert(name.into(), read(file, &header, level + 1)?);
    } else {
        return Err(Error::data(format!("offset {address}: the object is neither a group nor a dataset")));
    }
    Ok(())
}

/// Names and header addresses of a group's members.
fn members(file: &File, header: &Header) -> Result<Vec<(String, u64)>> {
    let mut members = Vec::new();
    if let Some(mut table) = header.first(message::SYMBOL_TABLE) {
        let (tree, heap) = (table.u64()?, table.u64()?);
        let names = local_heap(file, heap)?;
        symbols(file, tree, names, u8::MAX, &mut members)?;
    }
    for mut body in header.all(message::LINK) {
        members.push(link(&mut body)?);
    }
    if let Some(mut info) = header.first(message::LINK_INFO) {
        info.take(1)?;
        let ordered = info.u8()? & 1 != 0;
        info.take(if ordered { 8 } else { 0 })?;
        let (heap, tree) = (info.u64()?, info.u64()?);
        if heap != UNDEFINED {
            // A record is the hash of the name, then the heap's identifier of the link.
            dense::objects(file, heap, tree, 4, |mut body| {
                members.push(link(&mut body)?);
                Ok(())
            })?;
        }
    }
    Ok(members)
}

/// The names of a group of the old kind, as one block.
fn local_heap<'a>(file: &File<'a>, address: u64) -> Result<&'a [u8]> {
    let mut head = file.block(address, 32)?;
    head.expect(b"HEAP\0")?;
    head.take(3)?;
    let size = head.u64()?;
    head.take(8)?;
    Ok(file.block(head.u64()?, size)?.rest())
}

/// Collects the members below a node of the B-tree of a symbol table; levels must fall.
fn symbols(file: &File, address: u64, names: &[u8], above: u8, members: &mut Vec<(String, u64)>) -> Result<()> {
    let mut head = file.block(address, 8)?;
    head.expect(b"TREE\0")?;
    let (level, count) = (head.u8()?, head.u16()?);
    if level >= above {
        return Err(Error::data(format!("offset {address}: level {level} of a B-tree lies below level {above}")));
    }
    // Siblings, then a key before each child.
    let mut children = file.block(address, 24 + 16 * u64::from(count))?;
    children.take(24)?;
    for _ in 0..count {
        children.take(8)?;
        let child = children.u64()?;
        if level > 0 {
            symbols(file, child, names, level, members)?;
            continue;
        }
        let mut head = file.block(child, 8)?;
        head.expect(b"SNOD\x01\0")?;
        let count = head.u16()?;
        let mut entries = file.block(child + 8, 40 * u64::from(count))?;
        for _ in 0..count {
            let (start, header) = (entries.u64()?, entries.u64()?);
            let cached = entries.u32()?;
            entries.take(20)?;
            let name = usize::try_from(start).ok().and_then(|start| names.get(start..)).unwrap_or_default();
            let name = text(name)?;
            file.charge(name.len() as u64)?;
            if cached == 2 {
                return Err(not_hard(&name));
            }
            members.push((name, header));
        }
    }
    Ok(())
}

/// A link message: its name, and the address that it leads to.
fn link(body: &mut Cursor) -> Result<(String, u64)> {
    body.expect(&[1])?;
    let flags = body.u8()?;
    let kind = if flags & 8 != 0 { body.u8()? } else { 0 };
    // Its place in the order of creation, then its character set.
    body.take(if flags & 4 != 0 { 8 } else { 0 })?;
    body.take(if flags & 16 != 0 { 1 } else { 0 })?;
    let length = body.number(1 << (flags & 3))?;
    let name = body.text(length.try_into().unwrap_or(usize::MAX))?;
    if kind != 0 {
        return Err(not_hard(&name));
    }
    Ok((name, body.u64()?))
}

fn not_hard(name: &str) -> Error {
    Error::data(format!("{name:?} is a soft or external link; only members that lie in the file are read"))
}
