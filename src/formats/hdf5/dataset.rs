//! Arrays: shapes, where their elements lie, and attributes, which are small arrays in a header.

use super::{
    Attributes, chunks,
    datatype::Datatype,
    dense,
    file::{File, UNDEFINED},
    header::{Header, message},
};
use crate::{
    Error, Result, Shape,
    data::{Array, Values},
    formats::{
        bytes::{Cursor, text},
        elements::{Kind, extent},
    },
};

/// What a dataspace message says: the shape as it is, and how far each axis may grow.
pub(super) struct Space {
    pub shape: Shape,
    pub most: Vec<u64>,
}

/// The dataset that `header` describes; `attributes` are its own.
pub(super) fn read(file: &File, header: &Header, attributes: &Attributes) -> Result<Array> {
    let missing = |what: &str| Error::data(format!("the dataset has no {what}"));
    let space = dataspace(&mut header.first(message::DATASPACE).ok_or_else(|| missing("dataspace"))?)?;
    let datatype = Datatype::read(&mut header.first(message::DATATYPE).ok_or_else(|| missing("datatype"))?)?;
    let mut layout = header.first(message::LAYOUT).ok_or_else(|| missing("layout"))?;
    let offset = layout.offset();
    let (version, class) = (layout.u8()?, layout.u8()?);
    let bytes = size(&space.shape, &datatype)?;
    let data = match (version, class) {
        (3..=5, 0) => {
            let size = layout.u16()?;
            let offset = layout.offset();
            Cursor::new(layout.take(size.into())?, offset)
        }
        (3..=5, 1) => match layout.u64()? {
            // Never written; it is paid for like all others.
            UNDEFINED => {
                file.charge(bytes as u64)?;
                let content = unwritten(header, &datatype, bytes)?;
                return array(file, space.shape, &datatype, Cursor::new(&content, offset), attributes);
            }
            address => file.block(address, bytes as u64)?,
        },
        (3..=4, 2) => {
            file.expand(bytes as u64)?;
            let mut content = unwritten(header, &datatype, bytes)?;
            chunks::read(file, header, version, layout, &space, datatype.size(), &mut content)?;
            return array(file, space.shape, &datatype, Cursor::new(&content, offset), attributes);
        }
        _ => return Err(Error::data(format!("offset {offset}: layout {class} of version {version} is not supported"))),
    };
    array(file, space.shape, &datatype, data, attributes)
}

/// The `bytes` bytes of an array of which nothing was written: zeros, or another value that the file gives to such elements.
fn unwritten(header: &Header, datatype: &Datatype, bytes: usize) -> Result<Vec<u8>> {
    let mut content = vec![0; bytes];
    let Some(mut body) = header.first(message::FILL_VALUE).filter(|_| *datatype != Datatype::Text) else { return Ok(content) };
    let given = match body.u8()? {
        1 | 2 => body.take(3)?[2] != 0,
        _ => body.u8()? & 0x20 != 0,
    };
    if given && body.rest().len() >= 4 {
        let size = body.u32()? as usize;
        let value = body.take(size)?;
        if size == datatype.size() && value.iter().any(|&byte| byte != 0) {
            content.chunks_exact_mut(size).for_each(|element| element.copy_from_slice(value));
        }
    }
    Ok(content)
}

/// All attributes of the object with `header`.
pub(super) fn attributes(file: &File, header: &Header) -> Result<Attributes> {
    let mut attributes = Attributes::new();
    let mut insert = |body: Cursor| -> Result<()> {
        let (name, array) = attribute(file, body)?;
        attributes.insert(name, array);
        Ok(())
    };
    header.all(message::ATTRIBUTE).try_for_each(&mut insert)?;
    if let Some(mut info) = header.first(message::ATTRIBUTE_INFO) {
        info.take(1)?;
        let ordered = info.u8()? & 1 != 0;
        info.take(if ordered { 2 } else { 0 })?;
        let (heap, tree) = (info.u64()?, info.u64()?);
        if heap != UNDEFINED {
            dense::objects(file, heap, tree, 0, insert)?;
        }
    }
    Ok(attributes)
}

/// The name and value of an attribute message.
fn attribute(file: &File, mut body: Cursor) -> Result<(String, Array)> {
    let offset = body.offset();
    let version = body.u8()?;
    let shared = body.u8()? & 3 != 0 && version > 1;
    if !(1..=3).contains(&version) || shared {
        return Err(Error::data(format!("offset {offset}: an attribute of version {version} or with a shared type is not supported")));
    }
    let sizes = [body.u16()?, body.u16()?, body.u16()?];
    body.take(usize::from(version == 3))?;
    // Version 1 pads each part to 8 bytes.
    let mut part = |size: u16| {
        let offset = body.offset();
        let size = if version == 1 { usize::from(size).next_multiple_of(8) } else { size.into() };
        Ok::<_, Error>(Cursor::new(body.take(size)?, offset))
    };
    let [mut name, mut datatype, mut space] = [part(sizes[0])?, part(sizes[1])?, part(sizes[2])?];
    let name = name.text(sizes[0].into())?;
    let value = (|| {
        let (shape, datatype) = (dataspace(&mut space)?.shape, Datatype::read(&mut datatype)?);
        let bytes = size(&shape, &datatype)?;
        let offset = body.offset();
        array(file, shape, &datatype, Cursor::new(body.take(bytes)?, offset), &Attributes::new())
    })();
    Ok((name.clone(), value.map_err(|error| error.at(format_args!("attribute {name:?}")))?))
}

/// The shape in a dataspace message; one without any elements is that of an empty array.
fn dataspace(body: &mut Cursor) -> Result<Space> {
    let offset = body.offset();
    let version = body.u8()?;
    let (rank, flags) = (body.u8()?, body.u8()?);
    let null = match version {
        1 => body.take(5).map(|_| false)?,
        2 => body.u8()? == 2,
        _ => return Err(Error::data(format!("offset {offset}: a dataspace of version {version} is not supported"))),
    };
    if null {
        return Ok(Space { shape: [0].into(), most: vec![0] });
    }
    let mut axes = || (0..rank).map(|_| body.u64()).collect::<Result<Vec<_>>>();
    let shape = axes()?;
    let most = if flags & 1 != 0 { axes()? } else { shape.clone() };
    let shape: Vec<usize> = shape.into_iter().map(|axis| usize::try_from(axis).unwrap_or(usize::MAX)).collect();
    Ok(Space { shape: shape.into(), most })
}

/// Bytes of an array.
fn size(shape: &Shape, datatype: &Datatype) -> Result<usize> {
    let bytes = extent(shape, datatype.size()).map(|(_, bytes)| bytes);
    bytes.ok_or_else(|| Error::data(format!("shape {shape} has more elements than can be counted")))
}

/// The elements in `data`.
fn array(file: &File, shape: Shape, datatype: &Datatype, mut data: Cursor, attributes: &Attributes) -> Result<Array> {
    let bytes = data.take(size(&shape, datatype)?)?;
    let values = match datatype {
        Datatype::Number { kind, big_endian } => kind.decode(bytes, *big_endian)?,
        Datatype::FixedText { size, blanks } => {
            let element = |bytes: &[u8]| {
                let text = text(bytes)?;
                Ok(if *blanks { text.trim_end_matches(' ').into() } else { text })
            };
            Values::Str(bytes.chunks_exact(*size).map(element).collect::<Result<_>>()?)
        }
        Datatype::Text => {
            let element = |bytes: &[u8]| {
                let mut reference = Cursor::new(bytes, 0);
                let length = reference.u32()? as usize;
                let (address, index) = (reference.u64()?, reference.u32()?);
                if length == 0 || address == UNDEFINED {
                    return Ok(String::new());
                }
                let object = file.heap_object(address, index)?;
                text(object.get(..length).unwrap_or(object))
            };
            Values::Str(bytes.chunks_exact(16).map(element).collect::<Result<_>>()?)
        }
        Datatype::Opaque { size } => {
            let name = attributes.get("dtype").map(Array::values);
            match name {
                Some(Values::Str(names)) if *size == 2 && names == &["bfloat16"] => Kind::BF16.decode(bytes, false)?,
                _ => {
                    return Err(Error::data(format!(
                        "opaque elements of {size} bytes; only those with the attribute dtype=\"bfloat16\" are known"
                    )));
                }
            }
        }
    };
    Array::new(values, shape)
}
