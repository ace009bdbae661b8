//! Dtypes as Keras promotes them, among those that devices have: float64 is float32 here, int64 and the smaller integers are int32.

use crate::{DType, Error, Result, Tensor, config::Json};

/// What an argument says of the common dtype: Python's numbers only whether they are whole.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Exact(DType),
    Integer,
    Float,
}

impl Kind {
    pub fn of(json: &Json) -> Self {
        match json {
            Json::Bool(_) => Kind::Exact(DType::Bool),
            Json::Number(number) if !number.is_f64() => Kind::Integer,
            Json::Array(list) => match list.iter().map(Kind::of).reduce(|a, b| if matches!(a, Kind::Integer) { b } else { a }) {
                Some(Kind::Integer) => Kind::Exact(DType::I32),
                Some(Kind::Exact(dtype)) => Kind::Exact(dtype),
                _ => Kind::Exact(DType::F32),
            },
            Json::Object(object) => {
                Kind::Exact(object.get("config").and_then(|config| named(config["dtype"].as_str()?)).unwrap_or(DType::F32))
            }
            _ => Kind::Float,
        }
    }
}

/// The dtype that devices have for one of Keras'.
pub(super) fn named(name: &str) -> Option<DType> {
    Some(match name {
        "int8" | "int16" | "int64" | "int" => DType::I32,
        "uint16" | "uint64" => DType::U32,
        "float64" | "float" => DType::F32,
        name => DType::ALL.into_iter().find(|dtype| dtype.name() == name).filter(|dtype| dtype.on_device())?,
    })
}

/// The dtype in which these meet, by Keras' lattice.
pub(super) fn common(kinds: &[Kind]) -> DType {
    use DType::{BF16, Bool, F16, F32, I32, U8, U32};
    let has = |dtype: DType| kinds.iter().any(|kind| matches!(kind, Kind::Exact(exact) if *exact == dtype));
    let whole = kinds.iter().any(|kind| matches!(kind, Kind::Integer));
    match () {
        () if has(F32) || (has(F16) && has(BF16)) => F32,
        () if has(F16) => F16,
        () if has(BF16) => BF16,
        () if kinds.iter().any(|kind| matches!(kind, Kind::Float)) => F32,
        () if has(I32) => I32,
        () if has(U32) => U32,
        () if has(U8) => U8,
        () if has(Bool) && !whole => Bool,
        () => I32,
    }
}

/// `x` as a float.
pub(super) fn float(x: &Tensor) -> Tensor {
    if x.dtype().is_float() { x.clone() } else { x.cast(DType::F32) }
}

/// `x` as something that adds up: booleans and bytes as int32.
pub(super) fn number(x: &Tensor) -> Tensor {
    if matches!(x.dtype(), DType::Bool | DType::U8) { x.cast(DType::I32) } else { x.clone() }
}

/// `run` of tensors of one dtype, for which bytes become integers in between; booleans are tried as they are, where all are.
pub(super) fn in_numbers(x: &[Tensor], run: impl Fn(&[Tensor]) -> Tensor) -> Tensor {
    if x[0].dtype() != DType::U8 {
        return run(x);
    }
    let y = run(&x.iter().map(number).collect::<Vec<_>>());
    if y.dtype() == DType::I32 { y.bitwise_and(255).cast(DType::U8) } else { y }
}

/// A number, a list or an array that stands in a file, as a tensor.
pub(super) fn literal(json: &Json) -> Result<Tensor> {
    let (json, dtype) = match json.get("config") {
        Some(config) => {
            let name = config["dtype"].as_str().unwrap_or("float32");
            let dtype = named(name).ok_or_else(|| Error::dtype(format!("no device holds {name}")))?;
            (&config["value"], dtype)
        }
        None => match Kind::of(json) {
            Kind::Exact(dtype) => (json, dtype),
            Kind::Integer => (json, DType::I32),
            Kind::Float => (json, DType::F32),
        },
    };
    let mut shape = Vec::new();
    let mut inside = json;
    while let Some(list) = inside.as_array() {
        shape.push(list.len());
        let Some(first) = list.first() else { break };
        inside = first;
    }
    let mut values = Vec::new();
    collect(json, &shape, &mut values)?;
    let tensor = match dtype {
        DType::I32 => Tensor::from_slice(&values.iter().map(|&x| x as i32).collect::<Vec<_>>(), shape),
        DType::U32 => Tensor::from_slice(&values.iter().map(|&x| x as u32).collect::<Vec<_>>(), shape),
        _ => Tensor::from_slice(&values.iter().map(|&x| x as f32).collect::<Vec<_>>(), shape),
    };
    tensor.map(|tensor| tensor.cast(dtype))
}

/// The numbers of a list of `shape`, in order.
fn collect(json: &Json, shape: &[usize], out: &mut Vec<f64>) -> Result<()> {
    let what = || Error::data(format!("expected numbers of one shape, got {}", json.to_string().chars().take(60).collect::<String>()));
    match (json, shape) {
        (Json::Array(list), [size, rest @ ..]) if list.len() == *size => list.iter().try_for_each(|json| collect(json, rest, out)),
        (json, []) => {
            out.push(json.as_bool().map(|value| f64::from(u8::from(value))).or_else(|| crate::config::number(json)).ok_or_else(what)?);
            Ok(())
        }
        _ => Err(what()),
    }
}
