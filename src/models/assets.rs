//! Assets: what layers keep in a `.keras` archive beside their weights, under `assets` and the place of the layer.

use super::weights::places;
use crate::{Result, formats::zip, layers::LayerRef};

/// Names in the archive and contents of all that the layers below `root` keep.
pub(super) fn write(root: &LayerRef) -> Vec<(String, Vec<u8>)> {
    let mut entries = Vec::new();
    for (place, layer) in places(root) {
        let files = layer.with_assets(|assets| assets.assets()).unwrap_or_default();
        entries.extend(files.into_iter().map(|(name, content)| (folder(&place) + &name, content)));
    }
    entries
}

/// Gives the layers below `root` what an archive holds for them.
pub(super) fn read(root: &LayerRef, archive: &mut zip::Archive) -> Result<()> {
    for (place, layer) in places(root) {
        if layer.with_assets(|_| ()).is_none() {
            continue;
        }
        let folder = folder(&place);
        let names: Vec<String> = archive.names().iter().filter(|name| name.starts_with(&folder)).cloned().collect();
        let files = names.iter().map(|name| Ok((name[folder.len()..].to_owned(), archive.entry(name)?))).collect::<Result<_>>()?;
        layer.with_assets(|assets| assets.set_assets(&files)).transpose().map_err(|error| error.at(folder))?;
    }
    Ok(())
}

fn folder(place: &str) -> String {
    if place.is_empty() { "assets/".into() } else { format!("assets/{place}/") }
}
