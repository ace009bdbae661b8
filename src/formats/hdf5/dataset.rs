//! Arrays: shapes, where their elements lie, and attributes, which are small arrays in a header.

use super::{
    Attributes,
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

/// The dataset that `header` describes; `attributes` are its own.
pub(super) fn read(file: &File, header: &Header, attributes: &Attributes) -> Result<Array> {
    let missing = |what: &str| Error::data(format!("the dataset has no {what}"));
    let shape = dataspace(&mut header.first(message::DATASPACE).ok_or_else(|| missing("dataspace"))?)?;
    let datatype = Datatype::read(&mut header.first(message::DATATYPE).ok_or_else(|| missing("datatype"))?)?;
    if header.first(message::FILTERS).is_some() {
        return Err(Error::data("the dataset is compressed, which is not supported; write it without `compression`"));
    }
    let mut layout = header.first(message::LAYOUT).ok_or_else(|| missing("layout"))?;
    let offset = layout.offset();
    let (version, class) = (layout.u8()?, layout.u8()?);
    let bytes = size(&shape, &datatype)?;
    let data = match (version, class) {
        (3..=5, 0) => {
            let size = layout.u16()?;
            let offset = layout.offset();
            Cursor::new(layout.take(size.into())?, offset)
        }
        (3..=5, 1) => match layout.u64()? {
            // Never written, so every element is zero; it is paid for like all others.
            UNDEFINED => {
                file.charge(bytes as u64)?;
                return array(file, shape, &datatype, Cursor::new(&vec![0; bytes], offset), attributes);
            }
            address => file.block(address, bytes as u64)?,
        },
        (3..=5, 2) => return Err(Error::data("the dataset lies in chunks, which is not supported; write it without `chunks`")),
        _ => return Err(Error::data(format!("offset {offset}: layout {class} of version {version} is not supported"))),
    };
    array(file, shape, &datatype, data, attributes)
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
        let (shape, datatype) = (dataspace(&mut space)?, Datatype::read(&mut datatype)?);
        let bytes = size(&shape, &datatype)?;
        let offset = body.offset();
        array(file, shape, &datatype, Cursor::new(body.take(bytes)?, offset), &Attributes::new())
    })();
    Ok((name.clone(), value.map_err(|error| error.at(format_args!("attribute {name:?}")))?))
}

/// The shape in a dataspace message; one without any elements is that of an empty array.
fn dataspace(body: &mut Cursor) -> Result<Shape> {
    let offset = body.offset();
    let version = body.u8()?;
    let (rank, _) = (body.u8()?, body.u8()?);
    let null = match version {
        1 => body.take(5).map(|_| false)?,
        2 => body.u8()? == 2,
        _ => return Err(Error::data(format!("offset {offset}: a dataspace of version {version} is not supported"))),
    };
    if null {
        return Ok([0].into());
    }
    let axis = |_| Ok(usize::try_from(body.u64()?).unwrap_or(usize::MAX));
    (0..rank).map(axis).collect::<Result<Vec<_>>>().map(Shape::from)
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
