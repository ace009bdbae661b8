//! Writing: the oldest layout (superblock 0, symbol tables, arrays in one piece), which every HDF5 library reads.

use super::{Attributes, Dataset, Group, file::UNDEFINED, scalar_text};
use crate::{
    Error, Result, Shape,
    data::{Array, Values},
    formats::elements,
};
use std::io::{self, Write};

/// Members of a symbol table node are at most twice this, children of a B-tree node at most twice that: HDF5's defaults.
const LEAF: u16 = 4;
const CHILDREN: u16 = 16;

/// Bytes of the superblock.
const SUPERBLOCK: u64 = 96;

/// The smallest global heap.
const HEAP: usize = 4096;

/// A tree, laid out as a file but not written yet. Arrays are borrowed, not copied.
pub struct Encoded<'a> {
    pieces: Vec<Piece<'a>>,
    /// Bytes of the whole file.
    size: u64,
}

enum Piece<'a> {
    Bytes(Vec<u8>),
    Values(&'a Values),
}

impl Encoded<'_> {
    /// Bytes that [`write`](Encoded::write) writes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Writes the file, front to back.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Bytes(bytes) => out.write_all(bytes),
            Piece::Values(values) => elements::write(values, out),
        })
    }
}

pub(super) fn encode(root: &Group) -> Result<Encoded<'_>> {
    // Nodes of symbol tables grow only for groups of more than 256 members.
    let leaf = most_members(root).div_ceil(4 * usize::from(CHILDREN));
    let leaf = u16::try_from(leaf).map_err(|_| Error::invalid("a group has more members than HDF5's symbol tables hold"))?.max(LEAF);
    let mut writer = Writer { pieces: vec![Piece::Bytes(Vec::new())], position: SUPERBLOCK, heap: None, leaf };
    let place = writer.group(root)?;
    let superblock = Bytes::default()
        .raw(b"\x89HDF\r\n\x1a\n")
        .raw(&[0, 0, 0, 0, 0, 8, 8, 0])
        .u16(leaf)
        .u16(CHILDREN)
        .u32(0)
        .u64(0)
        .u64(UNDEFINED)
        .u64(writer.position)
        .u64(UNDEFINED)
        .raw(&symbol(0, &place));
    writer.pieces[0] = Piece::Bytes(superblock.0);
    Ok(Encoded { pieces: writer.pieces, size: writer.position })
}

fn most_members(group: &Group) -> usize {
    let below = group.groups.values().map(most_members).max().unwrap_or(0);
    below.max(group.groups.len() + group.datasets.len())
}

/// Where an object lies: its header and, for a group, its B-tree and its heap of names.
struct Place {
    header: u64,
    table: Option<(u64, u64)>,
}

/// An entry of a symbol table.
fn symbol(name: u64, place: &Place) -> Vec<u8> {
    let (tree, heap) = place.table.unwrap_or_default();
    Bytes::default().u64(name).u64(place.header).u32(place.table.is_some().into()).u32(0).u64(tree).u64(heap).0
}

/// Lays out objects one behind the other, members before the group that lists them, so that every address is known when it is needed.
struct Writer<'a> {
    pieces: Vec<Piece<'a>>,
    position: u64,
    heap: Option<OpenHeap>,
    leaf: u16,
}

/// The global heap that still takes text: which piece it is, and how much of it is used.
struct OpenHeap {
    piece: usize,
    address: u64,
    used: usize,
    objects: u16,
}

impl<'a> Writer<'a> {
    /// Puts metadata behind what is there, on a multiple of 8 bytes as all of it; its address.
    fn put(&mut self, bytes: Vec<u8>) -> u64 {
        let bytes = Bytes(bytes).padded();
        let address = self.position;
        self.position += bytes.len() as u64;
        self.pieces.push(Piece::Bytes(bytes));
        address
    }

    fn group(&mut self, group: &'a Group) -> Result<Place> {
        let mut members = Vec::new();
        for (name, group) in &group.groups {
            members.push((name, self.group(group).map_err(|error| error.at(name))?));
        }
        for (name, dataset) in &group.datasets {
            members.push((name, self.dataset(dataset).map_err(|error| error.at(name))?));
        }
        members.sort_by_key(|(name, _)| *name);

        // Names lie one behind the other, the empty one first.
        let mut names = vec![0; 8];
        let mut symbols = Vec::new();
        for (index, (name, place)) in members.iter().enumerate() {
            let taken = index > 0 && members[index - 1].0 == *name;
            if taken || name.is_empty() || name.contains(['/', '\0']) || *name == "." {
                return Err(Error::invalid(format!("{name:?} cannot be the name of a member of an HDF5 group, or is there twice")));
            }
            symbols.push((names.len() as u64, symbol(names.len() as u64, place)));
            names.extend(name.as_bytes());
            names.resize((names.len() + 1).next_multiple_of(8), 0);
        }
        let size = names.len() as u64;
        let heap = Bytes::default().raw(b"HEAP\0\0\0\0").u64(size).u64(1).u64(self.position + 32).raw(&names);
        let heap = self.put(heap.0);

        let node = 2 * usize::from(self.leaf);
        let mut children = Bytes::default().u64(0);
        let mut count = 0;
        for chunk in symbols.chunks(node) {
            let mut bytes = Bytes::default().raw(b"SNOD\x01\0").u16(chunk.len() as u16);
            for (_, symbol) in chunk {
                bytes = bytes.raw(symbol);
            }
            bytes.0.resize(8 + 40 * node, 0);
            let address = self.put(bytes.0);
            children = children.u64(address).u64(chunk[chunk.len() - 1].0);
            count += 1;
        }
        let mut tree = Bytes::default().raw(b"TREE\0\0").u16(count).u64(UNDEFINED).u64(UNDEFINED).raw(&children.0);
        tree.0.resize(24 + 8 * (4 * usize::from(CHILDREN) + 1), 0);
        let tree = self.put(tree.0);

        let mut messages = vec![(0x11, Bytes::default().u64(tree).u64(heap).0)];
        self.attributes(&group.attributes, &mut messages)?;
        Ok(Place { header: self.header(&messages)?, table: Some((tree, heap)) })
    }

    fn dataset(&mut self, dataset: &'a Dataset) -> Result<Place> {
        let array = &dataset.array;
        let (address, bytes) = match array.values() {
            Values::Str(text) => {
                let references = self.references(text);
                let bytes = references.len();
                (self.put(references), bytes)
            }
            values => {
                let address = self.position;
                let bytes = values.len() * elements::size(values).expect("numbers have a size");
                self.pieces.push(Piece::Values(values));
                let gap = bytes.next_multiple_of(8) - bytes;
                self.pieces.push(Piece::Bytes(vec![0; gap]));
                self.position += (bytes + gap) as u64;
                (address, bytes)
            }
        };
        let address = if bytes == 0 { UNDEFINED } else { address };
        let mut messages = vec![
            (0x01, dataspace(array.shape())?),
            (0x03, datatype(array.values())),
            // Version 2: space is given late, the fill value is the default.
            (0x05, vec![2, 2, 2, 1, 0, 0, 0, 0]),
            (0x08, Bytes::default().raw(&[3, 1]).u64(address).u64(bytes as u64).padded()),
        ];
        self.attributes(&dataset.attributes, &mut messages)?;
        if matches!(array.values(), Values::BF16(_)) && !dataset.attributes.contains_key("dtype") {
            self.attribute("dtype", &scalar_text("bfloat16"), &mut messages)?;
        }
        Ok(Place { header: self.header(&messages)?, table: None })
    }

    /// A version 1 object header.
    fn header(&mut self, messages: &[(u16, Vec<u8>)]) -> Result<u64> {
        let mut body = Bytes::default();
        for (kind, message) in messages {
            let size = u16::try_from(message.len()).map_err(|_| Error::invalid("an attribute does not fit 64 KiB"))?;
            body = body.u16(*kind).u16(size).u32(0).raw(message);
        }
        let count = u16::try_from(messages.len()).map_err(|_| Error::invalid("an object has too many attributes"))?;
        Ok(self.put(Bytes::default().raw(&[1, 0]).u16(count).u32(1).u32(body.0.len() as u32).u32(0).raw(&body.0).0))
    }

    fn attributes(&mut self, attributes: &Attributes, messages: &mut Vec<(u16, Vec<u8>)>) -> Result<()> {
        attributes.iter().try_for_each(|(name, value)| self.attribute(name, value, messages))
    }

    fn attribute(&mut self, name: &str, value: &Array, messages: &mut Vec<(u16, Vec<u8>)>) -> Result<()> {
        let (datatype, space) = (datatype(value.values()), dataspace(value.shape())?);
        let name_size = u16::try_from(name.len() + 1).ok().filter(|_| !name.is_empty() && !name.contains('\0'));
        let name_size = name_size.ok_or_else(|| Error::invalid(format!("{name:?} cannot be the name of an HDF5 attribute")))?;
        let mut message = Bytes::default().raw(&[1, 0]).u16(name_size).u16(datatype.len() as u16).u16(space.len() as u16);
        let mut name_bytes = name.as_bytes().to_vec();
        name_bytes.push(0);
        message = message.raw(&Bytes(name_bytes).padded()).raw(&datatype).raw(&space);
        match value.values() {
            Values::Str(text) => message.0.extend(self.references(text)),
            values => elements::write(values, &mut message.0)?,
        }
        if message.0.len() > usize::from(u16::MAX) - 7 {
            return Err(Error::invalid(format!("attribute {name:?} takes {} bytes, and HDF5 has 64 KiB for it", message.0.len())));
        }
        messages.push((0x0c, message.padded()));
        Ok(())
    }

    /// Puts text into the global heap: 16 bytes for each that say where it lies.
    fn references(&mut self, text: &[String]) -> Vec<u8> {
        let mut references = Bytes::default();
        for text in text {
            let (address, index) = if text.is_empty() { (0, 0) } else { self.heap_object(text.as_bytes()) };
            references = references.u32(text.len() as u32).u64(address).u32(index);
        }
        references.0
    }

    /// Appends an object to the open heap, or to a new one where it does not fit: the heap's address and the object's number.
    fn heap_object(&mut self, object: &[u8]) -> (u64, u32) {
        let size = 16 + object.len().next_multiple_of(8);
        let mut heap = self.heap.take().filter(|heap| heap.used + size <= HEAP).unwrap_or_else(|| {
            let bytes = HEAP.max(16 + size).next_multiple_of(8);
            let piece = self.pieces.len();
            let address = self.put(Bytes::default().raw(b"GCOL\x01\0\0\0").u64(bytes as u64).raw(&vec![0; bytes - 16]).0);
            OpenHeap { piece, address, used: 16, objects: 0 }
        });
        let Piece::Bytes(bytes) = &mut self.pieces[heap.piece] else { unreachable!("a heap is written as bytes") };
        heap.objects += 1;
        let written = Bytes::default().u16(heap.objects).u16(0).u32(0).u64(object.len() as u64).raw(object);
        bytes[heap.used..heap.used + written.0.len()].copy_from_slice(&written.0);
        heap.used += size;
        // Object 0 is what is free, its own head included.
        let free = bytes.len() - heap.used;
        if free >= 16 {
            bytes[heap.used + 8..heap.used + 16].copy_from_slice(&(free as u64).to_le_bytes());
        }
        let place = (heap.address, heap.objects.into());
        self.heap = Some(heap);
        place
    }
}

/// A dataspace message.
fn dataspace(shape: &Shape) -> Result<Vec<u8>> {
    let rank = u8::try_from(shape.rank()).ok().filter(|&rank| rank <= 32);
    let rank = rank.ok_or_else(|| Error::invalid(format!("shape {shape} has more than the 32 axes that HDF5 knows")))?;
    Ok(shape.iter().fold(Bytes::default().raw(&[1, rank, 0, 0, 0, 0, 0, 0]), |bytes, &axis| bytes.u64(axis as u64)).0)
}

/// A datatype message.
fn datatype(values: &Values) -> Vec<u8> {
    let integer = |bytes: u8, signed: u8| Bytes::default().raw(&[0x10, 8 * signed, 0, 0, bytes, 0, 0, 0, 0, 0, 8 * bytes, 0]);
    let float = |bytes: u8, [exponent_at, exponent, mantissa]: [u8; 3], bias: u32| {
        let head = Bytes::default().raw(&[0x11, 0x20, 8 * bytes - 1, 0, bytes, 0, 0, 0, 0, 0, 8 * bytes, 0]);
        head.raw(&[exponent_at, exponent, 0, mantissa]).u32(bias)
    };
    match values {
        Values::U8(_) => integer(1, 0),
        Values::I32(_) => integer(4, 1),
        Values::I64(_) => integer(8, 1),
        Values::F16(_) => float(2, [10, 5, 10], 15),
        Values::F32(_) => float(4, [23, 8, 23], 127),
        Values::F64(_) => float(8, [52, 11, 52], 1023),
        // Two opaque bytes without a tag.
        Values::BF16(_) => Bytes::default().raw(&[0x15, 0, 0, 0, 2, 0, 0, 0]),
        // An enumeration of int8, as h5py has it.
        Values::Bool(_) => Bytes::default().raw(&[0x18, 2, 0, 0, 1, 0, 0, 0]).raw(&integer(1, 1).0).raw(b"FALSE\0\0\0TRUE\0\0\0\0\0\x01"),
        // UTF-8 of any length, made of uint8.
        Values::Str(_) => Bytes::default().raw(&[0x19, 1, 1, 0, 16, 0, 0, 0]).raw(&integer(1, 0).0),
    }
    .padded()
}

/// Bytes that grow number by number, little-endian.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn u16(self, value: u16) -> Self {
        self.raw(&value.to_le_bytes())
    }

    fn u32(self, value: u32) -> Self {
        self.raw(&value.to_le_bytes())
    }

    fn u64(self, value: u64) -> Self {
        self.raw(&value.to_le_bytes())
    }

    /// Up to a multiple of 8 bytes, as parts of messages are.
    fn padded(mut self) -> Vec<u8> {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        self.0
    }
}
