//! Every shader file is valid by itself and used; it, and each kernel that ops and models make of it, translates to every backend's
//! language. Needs no adapter.

#[path = "fusion/examples.rs"]
mod examples;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use naga::back::{hlsl, msl, spv};
use wgrad::{
    device::gpu::{AdapterKind, Gpu, Settings},
    ops::{self, Case, case::Smooth},
    prelude::*,
    unfused,
};

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
    for (name, kind, subgroup) in [("software", AdapterKind::Cpu, 8), ("card", AdapterKind::Discrete, 32)] {
        trials.push(Trial::test(format!("kernels of ops::{name}"), move || made_of_ops(kind, subgroup)));
        trials.push(Trial::test(format!("kernels of models::{name}"), move || made_of_models(kind, subgroup)));
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
fn translates(text: &str) -> std::result::Result<(), Failed> {
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
fn composed(name: &str, text: &str) -> std::result::Result<(), Failed> {
    let kernel = wgrad::device::gpu::compose(name, text, &[])?;
    if name.starts_with("lib/") {
        return translates(kernel.source());
    }
    kernel.reflect()?;
    translates(kernel.source())
}

/// Translates all kernels that `body` makes on an adapter that runs nothing; at least `least` of them.
fn made_by(kind: AdapterKind, subgroup: u32, least: usize, body: impl Fn() -> Result<()>) -> std::result::Result<(), Failed> {
    let gpu = Gpu::open_with(&Settings { kind: Some(kind), dry: Some(subgroup), ..Settings::default() })?;
    Device::Gpu(gpu.clone()).scope(body)?;
    let shaders = gpu.shaders();
    assert!(shaders.len() >= least, "only {} kernels", shaders.len());
    for (name, text) in shaders {
        translates(&text).map_err(|error| format!("{name}: {}\n{text}", error.message().unwrap_or_default()))?;
    }
    Ok(())
}

/// Every case of the catalog and its gradients, in all float types, fused and not.
fn made_of_ops(kind: AdapterKind, subgroup: u32) -> std::result::Result<(), Failed> {
    made_by(kind, subgroup, 500, || {
        for case in ops::catalog() {
            for dtype in [DType::F32, DType::F16, DType::BF16] {
                match run(&case, dtype) {
                    // What is left to the host runs even here, and zeros are no matrix to solve for.
                    Err(error) if error.kind() == ErrorKind::Data => {}
                    result => result.map_err(|error| error.at(&case.name))?,
                }
            }
            if case.fused {
                unfused(|| run(&case, DType::F32)).map_err(|error| error.at(&case.name))?;
            }
        }
        Ok(())
    })
}

fn run(case: &Case, dtype: DType) -> Result<()> {
    let input = |draw: &ops::case::Draw| {
        let zeros = Tensor::zeros(draw.shape.clone());
        let tensor = zeros.cast(if draw.dtype == DType::F32 { dtype } else { draw.dtype });
        tensor.compute().map(|()| tensor)
    };
    let inputs = case.inputs.iter().map(input).collect::<Result<Vec<_>>>()?;
    let (outer, inner) = (GradientTape::new(), GradientTape::new());
    inputs.iter().for_each(|input| [&outer, &inner].into_iter().for_each(|tape| tape.watch(input)));
    let gradients = |tape: &GradientTape, of: &[Tensor]| -> Result<Vec<Tensor>> {
        let floats = of.iter().filter(|tensor| tensor.dtype().is_float());
        let target = floats.fold(Tensor::from(0.0f32), |sum, tensor| sum + tensor.cast(DType::F32).square().sum(&[]));
        Ok(tape.gradient(&target, &inputs)?.into_iter().flatten().collect())
    };
    let outputs = (case.call)(&inputs)?;
    outputs.iter().try_for_each(Tensor::compute)?;
    if case.smooth >= Smooth::Once {
        let first = gradients(&inner, &outputs)?;
        first.iter().try_for_each(Tensor::compute)?;
        if case.smooth >= Smooth::Twice {
            gradients(&outer, &first)?.iter().try_for_each(Tensor::compute)?;
        }
    }
    Ok(())
}

/// A training step of each example under every policy.
fn made_of_models(kind: AdapterKind, subgroup: u32) -> std::result::Result<(), Failed> {
    made_by(kind, subgroup, 90, || {
        for example in &examples::EXAMPLES {
            for policy in [Policy::Float32, Policy::MixedFloat16, Policy::MixedBfloat16] {
                policy.scope(|| example.train(1)).map_err(|error| error.at(format!("{}, {policy}", example.name)))?;
            }
        }
        Ok(())
    })
}
