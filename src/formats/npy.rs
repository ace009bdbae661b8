//! NumPy's files: `.npy` with one array, and `.npz` with several.
//!
//! Read are format versions 1 to 3, either byte order, row-major and Fortran order, and text. Pickled objects are refused, since
//! reading them means running what the file says. Source: [numpy.lib.format](https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).

use super::{atomic, bytes, bytes::Cursor, elements, elements::Kind, read_file, zip};
use crate::{
    Error, Result,
    data::{Array, Values},
};
use std::{fmt::Write as _, io::Write, path::Path};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads the `.npy` file at `path`.
///
/// ```
/// use wgrad::{data::Array, formats::npy};
/// # fn main() -> wgrad::Result<()> {
/// # let folder = std::env::temp_dir().join("wgrad-npy-example");
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("x.npy");
/// let array = Array::new(vec![1.0_f32, 2.0, 3.0], [3, 1])?;
/// npy::save(&path, &array)?;
/// assert_eq!(npy::open(&path)?, array);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `Io` when it cannot be read, else as [`read`], with the path in front.
#[doc(alias = "numpy.load")]
pub fn open(path: impl AsRef<Path>) -> Result<Array> {
    let path = path.as_ref();
    read(&read_file(path)?).map_err(|error| error.at(path.display()))
}

/// Reads a `.npy` file that is in memory. Small integers come as int32, uint32 and uint64 as int64.
///
/// ```
/// use wgrad::{data::Array, formats::npy};
/// let array = Array::new([1.0_f32, 2.0], [2, 1])?;
/// let mut bytes = Vec::<u8>::new();
/// npy::write(&array, &mut bytes)?;
/// assert_eq!(npy::read(&bytes)?, array);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// `Data` when it is damaged or holds what an [`Array`] cannot: complex numbers, dates, records, Python objects.
pub fn read(bytes: &[u8]) -> Result<Array> {
    let mut cursor = Cursor::new(bytes, 0);
    cursor.expect(MAGIC)?;
    let (major, _minor) = (cursor.u8()?, cursor.u8()?);
    let length = match major {
        1 => cursor.u16()?.into(),
        2 | 3 => cursor.u32()?,
        _ => return Err(Error::data(format!("npy version {major}; versions 1 to 3 are known"))),
    };
    let header = String::from_utf8_lossy(cursor.take(length as usize)?).into_owned();
    let Header { element, big_endian, fortran, shape } = Header::parse(&header)?;
    let size = element.size();
    let (_, total) = elements::extent(&shape, size).ok_or_else(|| Error::data(format!("shape {shape:?} has too many elements")))?;
    let (offset, found) = (cursor.offset(), cursor.rest().len());
    if found != total {
        return Err(Error::data(format!("offset {offset}: shape {shape:?} takes {total} bytes, the file has {found}")));
    }
    let data = cursor.take(total)?;
    let row_major;
    let data = if fortran && shape.len() > 1 {
        row_major = transpose(data, &shape, size);
        &row_major
    } else {
        data
    };
    let values = match element {
        Element::Number(kind) => kind.decode(data, big_endian)?,
        Element::Bytes(_) => Values::Str(data.chunks_exact(size).map(bytes::text).collect::<Result<_>>()?),
        Element::Unicode(_) => Values::Str(data.chunks_exact(size).map(|text| unicode(text, big_endian)).collect::<Result<_>>()?),
    };
    Array::new(values, shape)
}

/// Saves an array as a `.npy` file, atomically.
///
/// # Errors
/// `Io`; an older file then stays as it is.
#[doc(alias = "numpy.save")]
pub fn save(path: impl AsRef<Path>, array: &Array) -> Result<()> {
    atomic::write(path, |out| write(array, out))
}

/// Writes an array as a `.npy` file. NumPy knows no bfloat16: it is written as float32, which holds every one of its values.
///
/// # Errors
/// Those of `out`.
pub fn write(array: &Array, out: &mut dyn Write) -> Result<()> {
    out.write_all(&header(array))?;
    match array.values() {
        Values::BF16(values) => elements::write(&Values::F32(values.iter().map(|value| value.to_f32()).collect()), out)?,
        Values::Str(text) => {
            let width = longest(text);
            let letters = |text: &String| {
                let letters = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
                out.write_all(&letters.flat_map(u32::to_le_bytes).collect::<Vec<_>>())
            };
            text.iter().try_for_each(letters)?;
        }
        values => elements::write(values, out)?,
    }
    Ok(())
}

/// The arrays of the `.npz` file at `path` with their names, in the order of the file.
///
/// ```
/// use wgrad::{data::Array, formats::npy};
/// let path = std::env::temp_dir().join("wgrad-open-npz-example.npz");
/// npy::save_npz(&path, &[("labels", &Array::from(vec![0_i64, 1]))])?;
/// for (name, array) in npy::open_npz(&path)? {
///     println!("{name} {}", array.shape()); // labels (2,)
/// }
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// `Io` when it cannot be read, else as [`read_npz`], with the path in front.
pub fn open_npz(path: impl AsRef<Path>) -> Result<Vec<(String, Array)>> {
    let path = path.as_ref();
    read_npz(read_file(path)?).map_err(|error| error.at(path.display()))
}

/// The arrays of a `.npz` file that is in memory.
///
/// ```
/// use wgrad::{data::Array, formats::npy};
/// let x = Array::new([1.0_f32, 2.0], [2, 1])?;
/// let path = std::env::temp_dir().join("wgrad-read-npz-example.npz");
/// npy::save_npz(&path, &[("x", &x)])?;
/// assert_eq!(npy::read_npz(std::fs::read(&path)?)?, [("x".to_owned(), x)]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// `Data`, as [`read`] and [`zip::Archive`], with the name of the array in front.
pub fn read_npz(bytes: Vec<u8>) -> Result<Vec<(String, Array)>> {
    let mut archive = zip::Archive::read(bytes)?;
    let names = archive.names().to_vec();
    let array = |entry: String| {
        let array = read(&archive.entry(&entry)?).map_err(|error| error.at(&entry))?;
        Ok((entry.strip_suffix(".npy").unwrap_or(&entry).to_string(), array))
    };
    names.into_iter().map(array).collect()
}

/// Saves named arrays as a `.npz` file, atomically.
///
/// ```
/// use wgrad::{data::Array, formats::npy};
/// let (x, y) = (Array::new([1.0_f32, 2.0], [2, 1])?, Array::new([0_i64, 1], [2])?);
/// let path = std::env::temp_dir().join("wgrad-save-npz-example.npz");
/// npy::save_npz(&path, &[("x", &x), ("y", &y)])?;
/// assert_eq!(npy::open_npz(&path)?, [("x".to_owned(), x), ("y".to_owned(), y)]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// `Io`, or a name that is there twice; an older file then stays as it is.
#[doc(alias = "numpy.savez")]
pub fn save_npz(path: impl AsRef<Path>, arrays: &[(&str, &Array)]) -> Result<()> {
    atomic::write(path, |out| {
        let mut archive = zip::Writer::new(out);
        for (name, array) in arrays {
            let width = match array.values() {
                Values::Str(text) => 4 * longest(text),
                _ => 8,
            };
            let at_most = 256 + width as u64 * array.values().len() as u64;
            archive.entry(&format!("{name}.npy"), at_most, |out| write(array, out))?;
        }
        archive.finish().map(drop)
    })
}

/// Letters of the longest text; NumPy has no text type of none.
fn longest(text: &[String]) -> usize {
    text.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1)
}

/// Magic, version, and the description, padded with blanks to a multiple of 64 bytes.
fn header(array: &Array) -> Vec<u8> {
    let kind: String = match array.values() {
        Values::U8(_) => "|u1".into(),
        Values::Bool(_) => "|b1".into(),
        Values::I32(_) => "<i4".into(),
        Values::I64(_) => "<i8".into(),
        Values::F16(_) => "<f2".into(),
        Values::F32(_) | Values::BF16(_) => "<f4".into(),
        Values::F64(_) => "<f8".into(),
        Values::Str(text) => format!("<U{}", longest(text)),
    };
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (");
    for size in array.shape().iter() {
        let _ = write!(text, "{size}, ");
    }
    text.push_str("), }");
    let end = (MAGIC.len() + 4 + text.len() + 1).next_multiple_of(64);
    let blanks = end - MAGIC.len() - 4 - text.len() - 1;
    text.extend(std::iter::repeat_n(' ', blanks));
    text.push('\n');
    [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat()
}

/// Elements that lie column by column, put row by row.
fn transpose(data: &[u8], shape: &[usize], size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    let mut index = vec![0; shape.len()];
    while out.len() < data.len() {
        let column_major = index.iter().zip(shape).rev().fold(0, |place, (&index, &size)| place * size + index);
        out.extend_from_slice(&data[column_major * size..][..size]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}

/// Text in UTF-32, padded with NUL.
fn unicode(bytes: &[u8], big_endian: bool) -> Result<String> {
    let number = if big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
    let letters = bytes.as_chunks().0.iter().map(|&letter| number(letter));
    let text: Option<String> = letters.map(char::from_u32).collect();
    Ok(text.ok_or_else(|| Error::data("text that is not UTF-32"))?.trim_end_matches('\0').into())
}

/// What the elements are; text has a fixed number of bytes or letters.
enum Element {
    Number(Kind),
    Bytes(usize),
    Unicode(usize),
}

impl Element {
    fn size(&self) -> usize {
        match self {
            Element::Number(kind) => kind.size(),
            Element::Bytes(bytes) => *bytes,
            Element::Unicode(letters) => 4 * letters,
        }
    }
}

struct Header {
    element: Element,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads the literal of a Python dictionary with the three keys that NumPy writes, in any order.
    fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| Error::data(format!("the header's {what}: {}", text.trim().chars().take(200).collect::<String>()));
        let value = |key: &str| {
            let quoted = [format!("'{key}'"), format!("\"{key}\"")];
            let rest = quoted.iter().find_map(|key| text.split_once(key.as_str())).ok_or_else(|| wrong(&format!("{key:?} is missing")))?.1;
            rest.trim_start().strip_prefix(':').map(str::trim_start).ok_or_else(|| wrong(&format!("{key:?} has no value")))
        };
        let fortran = match value("fortran_order")? {
            order if order.starts_with("True") => true,
            order if order.starts_with("False") => false,
            _ => return Err(wrong("fortran_order is neither True nor False")),
        };
        let shape = value("shape")?.strip_prefix('(').and_then(|shape| shape.split_once(')')).ok_or_else(|| wrong("shape is no tuple"))?.0;
        let axes = shape.split(',').map(str::trim).filter(|axis| !axis.is_empty());
        let axis = |axis: &str| axis.trim_end_matches('L').parse().map_err(|_| wrong("shape is not made of sizes"));
        let shape = axes.map(axis).collect::<Result<_>>()?;
        let kind = value("descr")?;
        let kind = kind.strip_prefix(['\'', '"']).and_then(|kind| kind.split(['\'', '"']).next());
        let kind = kind.ok_or_else(|| wrong("elements are records, which are not supported"))?;
        let (order, kind) = kind.split_at_checked(1).unwrap_or_default();
        let (class, size) = kind.split_at_checked(1).unwrap_or_default();
        let size: usize = size.parse().unwrap_or(0);
        let element = match (class, size) {
            ("b", 1) => Some(Element::Number(Kind::Bool)),
            ("i" | "u", _) => Kind::integer(size, class == "i").map(Element::Number),
            ("f", 2) => Some(Element::Number(Kind::F16)),
            ("f", 4) => Some(Element::Number(Kind::F32)),
            ("f", 8) => Some(Element::Number(Kind::F64)),
            ("S", 1..=0x100_0000) => Some(Element::Bytes(size)),
            ("U", 1..=0x100_0000) => Some(Element::Unicode(size)),
            ("O", _) => return Err(wrong("elements are pickled Python objects, which would run code; save them as numbers or text")),
            _ => None,
        };
        let element = element.filter(|_| ["<", ">", "|", "="].contains(&order));
        let element = element.ok_or_else(|| wrong("elements are of a type that is not supported"))?;
        Ok(Self { element, big_endian: order == ">", fortran, shape })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let text = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}\n");
        [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes(), text.as_bytes(), data].concat()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let arrays: [Array; 9] = [
            Array::new(vec![1.5_f32; 24], [2, 3, 4]).unwrap(),
            Array::new([7_i64], crate::Shape::scalar()).unwrap(),
            Array::new(Vec::<f64>::new(), [0, 5]).unwrap(),
            vec![half::f16::ONE].into(),
            vec![1_u8, 2].into(),
            vec![true, false].into(),
            vec![-1, i32::MAX].into(),
            vec!["größer".to_string(), String::new()].into(),
            vec![String::new()].into(),
        ];
        for array in &arrays {
            let mut written = Vec::new();
            write(array, &mut written).unwrap();
            assert_eq!(written.iter().position(|&byte| byte == b'\n').unwrap() % 64, 63);
            assert_eq!(&read(&written).unwrap(), array);
        }
        let mut written = Vec::new();
        write(&vec![half::bf16::from_f32(-3.0)].into(), &mut written).unwrap();
        assert_eq!(read(&written).unwrap(), vec![-3.0_f32].into());
    }

    #[test]
    fn fortran_order_becomes_row_major() {
        let shape = [2, 3, 4];
        let value = |row: usize, column: usize, depth: usize| (100 * row + 10 * column + depth) as u8;
        let mut data = Vec::new();
        let mut expected = vec![0; 24];
        for depth in 0..4 {
            for column in 0..3 {
                for row in 0..2 {
                    data.push(value(row, column, depth));
                    expected[(row * 3 + column) * 4 + depth] = value(row, column, depth);
                }
            }
        }
        assert_eq!(read(&bytes("'|u1'", "True", "(2, 3, 4)", &data)).unwrap(), Array::new(expected, shape).unwrap());
    }

    #[test]
    fn either_byte_order_and_python_2_are_read() {
        assert_eq!(read(&bytes("'>i2'", "False", "(2L,)", &[0, 1, 0xff, 0xfe])).unwrap(), vec![1, -2].into());
        assert_eq!(read(&bytes("'>f4'", "False", "(1,)", &[0x3f, 0x80, 0, 0])).unwrap(), vec![1.0_f32].into());
        assert_eq!(read(&bytes("'<u8'", "False", "(1,)", &[1, 0, 0, 0, 0, 0, 0, 0])).unwrap(), vec![1_i64].into());
        assert_eq!(read(&bytes("'>U1'", "False", "(1,)", &[0, 0, 0, 0xe4])).unwrap(), vec!["ä".to_string()].into());
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let cases = [
            (bytes("'|O'", "False", "(1,)", &[0; 8]), "would run code"),
            (bytes("[('a', '<f4')]", "False", "(1,)", &[0; 4]), "records"),
            (bytes("'<c8'", "False", "(1,)", &[0; 8]), "not supported"),
            (bytes("'<f4'", "Maybe", "(1,)", &[0; 4]), "neither True nor False"),
            (bytes("'<f4'", "False", "(-1,)", &[0; 4]), "not made of sizes"),
            (bytes("'<f4'", "False", "(3,)", &[0; 4]), "takes 12 bytes, the file has 4"),
            (bytes("'<f4'", "False", "(4294967296, 4294967296)", &[0; 4]), "too many"),
            (bytes("'<u8'", "False", "(1,)", &[0xff; 8]), "does not fit int64"),
            (b"PK\x03\x04 not npy".to_vec(), "expected"),
            (b"\x93NUMPY\x09\0".to_vec(), "version 9"),
        ];
        for (bytes, reason) in cases {
            let error = read(&bytes).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
