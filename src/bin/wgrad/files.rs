//! `wgrad inspect`, `predict`, `convert`, `diff` and `port`: what can be done with files of models and arrays.

use std::{collections::BTreeMap, path::Path};
use wgrad::{
    data::{Array, AsArray, Values},
    formats::{hdf5::Group, npy, safetensors, shards, zip},
    models::load_model,
    prelude::*,
};

/// Arrays by name, as a file holds them.
type Arrays = BTreeMap<String, Array>;

/// Bytes of a file of weights that are cut into several, as Keras has it.
const SHARD: u64 = 5 << 30;

/// What a file is, by the end of its name.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Keras,
    WeightsH5,
    Shards,
    LegacyH5,
    Safetensors,
    Npz,
    Npy,
}

impl Kind {
    fn of(path: &str) -> Result<Self> {
        const ENDS: [(&str, Kind); 8] = [
            (".keras", Kind::Keras),
            (".weights.h5", Kind::WeightsH5),
            (".weights.json", Kind::Shards),
            (".h5", Kind::LegacyH5),
            (".hdf5", Kind::LegacyH5),
            (".safetensors", Kind::Safetensors),
            (".npz", Kind::Npz),
            (".npy", Kind::Npy),
        ];
        if Path::new(path).is_dir() {
            return Ok(Kind::Keras);
        }
        let found = ENDS.iter().find(|(end, _)| path.ends_with(end)).map(|(_, kind)| *kind);
        found.ok_or_else(|| invalid(format!("{path}: its name ends in none of {}", ENDS.map(|(end, _)| end).join(" "))))
    }

    fn is_model(self) -> bool {
        matches!(self, Kind::Keras | Kind::LegacyH5)
    }
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::Invalid, text)
}

/// Every array of a file.
fn arrays(path: &str) -> Result<Arrays> {
    Ok(match Kind::of(path)? {
        Kind::Keras => flatten(&Group::read(&zip::Archive::open(path)?.entry("model.weights.h5")?)?),
        Kind::WeightsH5 | Kind::LegacyH5 => flatten(&Group::open(path)?),
        Kind::Shards => flatten(&shards::open(path)?),
        Kind::Safetensors => safetensors::File::open(path)?.tensors,
        Kind::Npz => npy::open_npz(path)?.into_iter().collect(),
        Kind::Npy => [("array".to_owned(), npy::open(path)?)].into(),
    })
}

/// The arrays below a group, by path.
fn flatten(group: &Group) -> Arrays {
    let here = group.datasets.iter().map(|(name, dataset)| (name.clone(), dataset.array.clone()));
    let below = group
        .groups
        .iter()
        .flat_map(|(name, inside)| flatten(inside).into_iter().map(move |(path, array)| (format!("{name}/{path}"), array)));
    here.chain(below).collect()
}

/// Prints a model's layers, and each array with dtype, shape and size.
pub fn inspect(path: &str) -> Result<()> {
    if Kind::of(path)?.is_model() {
        load_model(path)?.summary();
    }
    let arrays = arrays(path)?;
    let width = arrays.keys().map(String::len).max().unwrap_or(0);
    for (name, array) in &arrays {
        println!("{name:width$}  {:8} {}", array.dtype(), array.shape());
    }
    let elements: usize = arrays.values().map(|array| array.values().len()).sum();
    println!("{} arrays, {elements} elements", arrays.len());
    Ok(())
}

/// Writes a file in the form that the end of its name says.
pub fn convert(from: &str, to: &str) -> Result<()> {
    let (source, target) = (Kind::of(from)?, Kind::of(to)?);
    match target {
        Kind::Keras if source.is_model() => load_model(from)?.save(to),
        Kind::Keras => Err(invalid(format!("{from} holds arrays only; a .keras file needs the layers too"))),
        Kind::LegacyH5 => Err(invalid(format!("{to}: the older .h5 of whole models is read only; write .keras"))),
        Kind::WeightsH5 if source.is_model() => load_model(from)?.save_weights(to),
        Kind::Shards if source.is_model() => load_model(from)?.save_weights_in_shards(to, SHARD),
        Kind::WeightsH5 => tree(from)?.save(to),
        Kind::Shards => shards::save(to, tree(from)?, SHARD),
        Kind::Safetensors => safetensors::File { tensors: arrays(from)?, metadata: BTreeMap::new() }.save(to),
        Kind::Npz => {
            let arrays = arrays(from)?;
            npy::save_npz(to, &arrays.iter().map(|(name, array)| (name.as_str(), array)).collect::<Vec<_>>())
        }
        Kind::Npy => match &arrays(from)?.into_values().collect::<Vec<_>>()[..] {
            [array] => npy::save(to, array),
            list => Err(invalid(format!("{to} holds one array, {from} has {}", list.len()))),
        },
    }
}

fn tree(path: &str) -> Result<Group> {
    let mut tree = Group::default();
    arrays(path)?.into_iter().try_for_each(|(path, array)| tree.insert(&path, array))?;
    Ok(tree)
}

/// Prints in what two files differ; whether they do not.
pub fn diff(one: &str, other: &str) -> Result<bool> {
    let mut same = true;
    let mut tell = |text: String| {
        println!("{text}");
        same = false;
    };
    if Kind::of(one)?.is_model() && Kind::of(other)?.is_model() {
        let (a, b) = (load_model(one)?.to_rust()?, load_model(other)?.to_rust()?);
        let lines = |text: &str, beside: &str, mark: &str| {
            text.lines().filter(|line| !beside.lines().any(|other| other == *line)).map(|line| format!("{mark} {line}")).collect::<Vec<_>>()
        };
        lines(&a, &b, "-").into_iter().chain(lines(&b, &a, "+")).for_each(&mut tell);
    }
    let (a, b) = (arrays(one)?, arrays(other)?);
    b.keys().filter(|name| !a.contains_key(*name)).for_each(|name| tell(format!("{name}: only in {other}")));
    for (name, array) in &a {
        let Some(beside) = b.get(name) else {
            tell(format!("{name}: only in {one}"));
            continue;
        };
        if (array.shape(), array.dtype()) != (beside.shape(), beside.dtype()) {
            tell(format!("{name}: {}{} and {}{}", array.dtype(), array.shape(), beside.dtype(), beside.shape()));
        } else if array.values() != beside.values() {
            let text = largest_difference(array, beside).map_or_else(String::new, |largest| format!(" by up to {largest:e}"));
            tell(format!("{name}: values differ{text}"));
        }
    }
    if same {
        println!("{one} and {other} are the same");
    }
    Ok(same)
}

fn largest_difference(a: &Array, b: &Array) -> Option<f32> {
    let (Values::F32(a), Values::F32(b)) = (a.values(), b.values()) else { return None };
    Some(a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max))
}

/// Prints the Rust code that builds the model.
pub fn port(path: &str) -> Result<()> {
    print!("{}", load_model(path)?.to_rust()?);
    Ok(())
}

/// Runs the model in file `path` over arrays in `.npy` files. `inputs` and `outputs` are files, `name=file` or `position=file`.
pub fn predict(path: &str, inputs: &[String], outputs: &[String], batch_size: usize) -> Result<()> {
    let model = load_model(path)?;
    let names: Vec<String> = model.inputs()?.iter().map(|input| input.input_name().to_owned()).collect();
    let read = assigned(inputs, &names, "input")?.into_iter().map(npy::open).collect::<Result<Vec<Array>>>()?;
    let results = model.predict(&read[..]).batch_size(batch_size).run_all()?;
    let files = assigned(outputs, model.output_names()?, "output")?;
    for (file, result) in files.into_iter().zip(results) {
        npy::save(Path::new(&file), &*result.as_array()?)?;
        println!("{file}: {}{}", result.dtype(), result.shape());
    }
    Ok(())
}

/// The file of each of `names`, in their order.
fn assigned(given: &[String], names: &[String], what: &str) -> Result<Vec<String>> {
    let mut files: Vec<Option<String>> = vec![None; names.len()];
    for (at, text) in given.iter().enumerate() {
        let (place, file) = match text.split_once('=') {
            Some((name, file)) => {
                let place = names.iter().position(|known| known == name).or_else(|| name.parse().ok());
                (place.filter(|&place| place < names.len()).ok_or_else(|| unknown(name, names, what))?, file)
            }
            None => (at, text.as_str()),
        };
        *files.get_mut(place).ok_or_else(|| unknown(text, names, what))? = Some(file.to_owned());
    }
    let missing = |at: usize| invalid(format!("--{what} {}=FILE is missing", names[at]));
    files.into_iter().enumerate().map(|(at, file)| file.ok_or_else(|| missing(at))).collect()
}

fn unknown(name: &str, names: &[String], what: &str) -> Error {
    invalid(format!("--{what} {name}: the model's {what}s are {}", names.join(", ")))
}
