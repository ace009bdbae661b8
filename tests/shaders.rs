//! Every shader file is valid by itself, translates to every backend's language, and is used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use naga::back::{hlsl, msl, spv};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut shaders = Vec::new();
    collect(&root.join("shaders"), "wgsl", &mut shaders);
    let mut sources = Vec::new();
    collect(&root.join("src"), "rs", &mut sources);
    let rust: String = sources.iter().map(|path| fs::read_to_string(path).expect("a source file")).collect();

    let mut trials = Vec::new();
    for path in shaders {
        let name = path.strip_prefix(root.join("shaders")).expect("under shaders").display().to_string().replace('\\', "/");
        let used = rust.contains(&name);
        let text = fs::read_to_string(&path).expect("a shader file");
        let (for_alone, for_composed, title) = (text.clone(), text.clone(), name.clone());
        trials.push(Trial::test(format!("translates::{name}"), move || translates(&for_alone)));
        trials.push(Trial::test(format!("composed::{name}"), move || composed(&title, &for_composed)));
        trials.push(Trial::test(format!("opens_with_purpose::{name}"), move || {
            if text.starts_with("// ") { Ok(()) } else { Err("the first line is no comment that says its purpose".into()) }
        }));
        trials.push(Trial::test(format!("used::{name}"), move || if used { Ok(()) } else { Err("no file under src names it".into()) }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// Valid with its default blocks, and in every language that wgpu feeds to a driver.
fn translates(text: &str) -> Result<(), Failed> {
    let module = naga::front::wgsl::parse_str(text).map_err(|error| error.emit_to_string(text))?;
    let capabilities = naga::valid::Capabilities::SUBGROUP | naga::valid::Capabilities::SHADER_FLOAT16;
    let info = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), capabilities)
        .validate(&module)
        .map_err(|error| error.emit_to_string(text))?;

    spv::write_vec(&module, &info, &spv::Options { lang_version: (1, 3), ..Default::default() }, None)?;
    let metal = msl::Options { lang_version: (2, 4), fake_missing_bindings: true, ..Default::default() };
    msl::write_string(&module, &info, &metal, &msl::PipelineOptions::default())?;
    let direct = hlsl::Options { shader_model: hlsl::ShaderModel::V6_2, fake_missing_bindings: true, ..Default::default() };
    let mut out = String::new();
    hlsl::Writer::new(&mut out, &direct, &hlsl::PipelineOptions::default()).write(&module, &info, None)?;
    Ok(())
}

/// Valid with its imports in place of their stand-ins; kernels keep to the convention for bindings.
fn composed(name: &str, text: &str) -> Result<(), Failed> {
    let kernel = wgrad::device::gpu::compose(name, text, &[])?;
    if name.starts_with("lib/") {
        return translates(kernel.source());
    }
    kernel.reflect()?;
    translates(kernel.source())
}
