//! HDF5 trees in several files: `x_00000.weights.h5`, `x_00001.weights.h5` and so on, and `x.weights.json`, which lists what lies where.

use super::{
    atomic::{self, Staged},
    elements,
    hdf5::Group,
    read_file,
};
use crate::{Error, Result};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
};

/// The end of the name of the file that lists the others.
const END: &str = ".weights.json";

/// The tree whose files the one at `path` lists; these lie in the same folder.
///
/// ```
/// use wgrad::formats::{hdf5::Group, shards};
/// # fn main() -> wgrad::Result<()> {
/// # let folder = std::env::temp_dir().join("wgrad-shards-example");
/// # std::fs::create_dir_all(&folder)?;
/// let mut tree = Group::default();
/// for layer in ["dense", "dense_1"] {
///     tree.insert(&format!("layers/{layer}/vars/0"), vec![0.0_f32; 10].into())?;
/// }
/// shards::save(folder.join("a.weights.json"), tree.clone(), 60)?;
/// assert!(folder.join("a_00001.weights.h5").exists());
/// assert_eq!(shards::open(folder.join("a.weights.json"))?, tree);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `Io` when a file cannot be read; `Data` when the list is none, leads to another folder, or two files hold one array.
pub fn open(path: impl AsRef<Path>) -> Result<Group> {
    let path = path.as_ref();
    let list = read_file(path)?;
    let files = files(&list).map_err(|error| error.at(path.display()))?;
    let mut tree = Group::default();
    for file in files {
        let file = path.with_file_name(file);
        merge(&mut tree, Group::open(&file)?).map_err(|error| error.at(file.display()))?;
    }
    Ok(tree)
}

/// Names of all files in a list, each once.
fn files(list: &[u8]) -> Result<BTreeSet<String>> {
    let list: Value = serde_json::from_slice(list).map_err(|error| Error::data(format!("not JSON: {error}")))?;
    let Some(map) = list["weight_map"].as_object() else { return Err(Error::data("\"weight_map\" is missing")) };
    let names = map.values().flat_map(|names| names.as_array().map_or(std::slice::from_ref(names), Vec::as_slice));
    let name = |name: &Value| {
        let plain = name.as_str().filter(|name| name.ends_with(".weights.h5") && !name.contains(['/', '\\', ':', '\0']));
        plain.map(str::to_owned).ok_or_else(|| Error::data(format!("{name} is not the name of a .weights.h5 file in this folder")))
    };
    names.map(name).collect()
}

/// Puts all of `other` into `tree`.
fn merge(tree: &mut Group, other: Group) -> Result<()> {
    tree.attributes.extend(other.attributes);
    for (name, dataset) in other.datasets {
        if tree.datasets.insert(name.clone(), dataset).is_some() {
            return Err(Error::data(format!("{name} lies in another file too")));
        }
    }
    other
        .groups
        .into_iter()
        .try_for_each(|(name, group)| merge(tree.groups.entry(name.clone()).or_default(), group).map_err(|error| error.at(name)))
}

/// Saves `tree` as files with at most `most_bytes` bytes of arrays each, and the list of them at `path`, which ends in
/// `.weights.json`. No file is replaced before all are written.
///
/// # Errors
/// When an array alone is larger, another extension is given, or a file cannot be written.
pub fn save(path: impl AsRef<Path>, tree: Group, most_bytes: u64) -> Result<()> {
    let path = path.as_ref();
    let base = path.file_name().and_then(|name| name.to_str()?.strip_suffix(END));
    let base = base.ok_or_else(|| Error::invalid(format!("{}: the name of such a file ends in {END}", path.display())))?;
    let mut shards = Shards { most_bytes, files: vec![Group::default()], bytes: 0, total: 0, places: BTreeMap::new() };
    shards.add("", tree)?;
    let name = |number: usize| format!("{base}_{number:05}.weights.h5");
    let map: BTreeMap<_, Vec<String>> =
        shards.places.iter().map(|(group, numbers)| (group, numbers.iter().map(|&number| name(number)).collect())).collect();
    let list = json!({ "metadata": { "total_size": shards.total }, "weight_map": map });
    let mut staged = Vec::new();
    for (number, tree) in shards.files.iter().enumerate() {
        let encoded = tree.encode()?;
        staged.push(atomic::stage(&path.with_file_name(name(number)), |out| Ok(encoded.write(out)?))?);
    }
    staged.push(atomic::stage(path, |out| Ok(write!(out, "{list:#}")?))?);
    staged.into_iter().try_for_each(Staged::commit)
}

/// A tree on its way into several files.
struct Shards {
    most_bytes: u64,
    files: Vec<Group>,
    /// Bytes of the arrays in the last file, and in all.
    bytes: u64,
    total: u64,
    /// Numbers of the files in which arrays of a group lie.
    places: BTreeMap<String, BTreeSet<usize>>,
}

impl Shards {
    fn add(&mut self, path: &str, group: Group) -> Result<()> {
        let Group { attributes, groups, datasets } = group;
        self.last().group_mut(path)?.attributes = attributes.clone();
        for (name, dataset) in datasets {
            let values = dataset.array.values();
            let bytes = (values.len() * elements::size(values).unwrap_or(16)) as u64;
            if bytes > self.most_bytes {
                let text = format!("{path}/{name} has {bytes} bytes, and {} are the most of a file", self.most_bytes);
                return Err(Error::invalid(text));
            }
            if self.bytes + bytes > self.most_bytes {
                self.files.push(Group::default());
                self.bytes = 0;
                self.last().group_mut(path)?.attributes = attributes.clone();
            }
            self.bytes += bytes;
            self.total += bytes;
            self.places.entry(format!("/{path}")).or_default().insert(self.files.len() - 1);
            self.last().group_mut(path)?.datasets.insert(name, dataset);
        }
        groups.into_iter().try_for_each(|(name, group)| self.add(&if path.is_empty() { name } else { format!("{path}/{name}") }, group))
    }

    fn last(&mut self) -> &mut Group {
        self.files.last_mut().expect("there is a first file")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_lead_elsewhere_are_refused() {
        let names = |name: &str| files(format!("{{\"weight_map\": {{\"/vars\": [\"a.weights.h5\", {name}]}}}}").as_bytes());
        assert_eq!(names("\"a.weights.h5\"").unwrap().len(), 1);
        for name in ["\"../a.weights.h5\"", "\"/a.weights.h5\"", "\"b\\\\a.weights.h5\"", "\"passwd\"", "7"] {
            assert!(names(name).unwrap_err().to_string().contains("in this folder"), "{name}");
        }
        for list in ["", "[]", "{\"weight_map\": 1}"] {
            assert!(files(list.as_bytes()).is_err());
        }
    }

    #[test]
    fn arrays_that_no_file_takes_are_errors_and_so_are_arrays_in_two() {
        let mut tree = Group::default();
        tree.insert("layers/dense/vars/0", vec![0.0_f32; 10].into()).unwrap();
        let error = save("a.weights.json", tree.clone(), 39).unwrap_err().to_string();
        assert!(error.contains("layers/dense/vars/0 has 40 bytes"), "{error}");
        assert!(save("a.json", tree.clone(), 40).unwrap_err().to_string().contains(".weights.json"));
        let error = merge(&mut tree.clone(), tree).unwrap_err().to_string();
        assert!(error.contains("layers: dense: vars: 0 lies in another file"), "{error}");
    }
}
