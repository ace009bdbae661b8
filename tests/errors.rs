//! Bad input gets a clear text and loses nothing: every text in one snapshot, and injected faults of a GPU.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use wgrad::{
    datasets,
    device::gpu::{Fault, Gpu, Settings},
    prelude::*,
};

/// The text of an error, or of the panic of tensor arithmetic.
fn text<T: std::fmt::Debug>(body: impl FnOnce() -> Result<T>) -> String {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => format!("no error, but {value:?}"),
        Ok(Err(error)) => format!("{error} [{:?}]", error.kind()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            format!("panic: {}", text.unwrap_or_default())
        }
    }
}

fn compiled() -> Result<Model> {
    let mut model = Sequential::new().add(Input::new([4])).add(Dense::new(8).activation(Relu)).add(Dense::new(3).name("scores")).build()?;
    model.compile(SGD::new(0.1), SparseCategoricalCrossentropy::new().from_logits(true)).metric(Accuracy::new()).finish()?;
    Ok(model)
}

fn floats(shape: [usize; 2]) -> Array {
    Array::new(vec![0.5f32; shape[0] * shape[1]], shape).expect("as many as the shape says")
}

/// `fit` of the small model on these arrays.
fn fit(x: &Array, y: &Array) -> String {
    text(|| compiled()?.fit((x, y)).verbose(Verbose::Silent).run())
}

fn texts() -> Vec<(&'static str, String)> {
    let labels = |values: [i32; 4]| Array::from(values.to_vec());
    let x = floats([4, 4]);
    let image = || Sequential::new().add(Input::new([8, 8, 3]));
    let folder = std::env::temp_dir().join(format!("wgrad-errors-{}", std::process::id()));
    // The shipped set with other bytes in one of its files.
    let broken = |bytes: &[u8]| {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/fashion-mnist-small");
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(&folder)?;
            for file in std::fs::read_dir(shipped)? {
                let file = file?;
                std::fs::copy(file.path(), folder.join(file.file_name()))?;
            }
            std::fs::write(folder.join("train-images-idx3-ubyte.gz"), bytes)
        };
        write().expect("the folder for temporary files can be written");
        text(|| datasets::fashion_mnist().data_dir(&folder).download(false).load().map(|_| ()))
            .replace(&folder.display().to_string(), "FOLDER")
    };
    let all = vec![
        ("adding shapes that do not broadcast", text(|| Ok(Tensor::zeros([2, 3]) + Tensor::zeros([4])))),
        ("adding float32 and int32", text(|| Ok(Tensor::from([1.0f32]) + Tensor::from([1])))),
        ("matmul of shapes that do not fit", text(|| Ok(Tensor::zeros([2, 3]).matmul(&Tensor::zeros([4, 5]))))),
        ("inverse of a singular matrix", text(|| Tensor::from([[1.0, 2.0], [2.0, 4.0]]).inv().to_vec::<f32>())),
        ("one singular matrix of several", {
            text(|| Tensor::stack(&[&Tensor::eye(2), &Tensor::ones([2, 2])], 0).solve(&Tensor::ones([2, 2])).to_vec::<f32>())
        }),
        ("Cholesky of a matrix that is not positive definite", {
            text(|| Tensor::from([[1.0, 2.0], [2.0, 1.0]]).cholesky(false).to_vec::<f32>())
        }),
        ("determinant of a matrix that is not square", text(|| Ok(Tensor::zeros([2, 3]).det()))),
        ("equations with too few right sides", text(|| Ok(Tensor::eye(3).solve(&Tensor::zeros([2, 4]))))),
        ("singular values of a vector", text(|| Ok(Tensor::zeros([3]).svd(true)))),
        ("gradient of an op without one", {
            text(|| {
                let x = Tensor::eye(2);
                gradient(&x.lu_factor().0, &[&x])
            })
        }),
        ("transform of parts of two shapes", text(|| Ok(Tensor::zeros([3]).fft(&Tensor::zeros([4]))))),
        ("transform shorter than its sequences", text(|| Ok(Tensor::zeros([9]).stft(&wgrad::ops::Stft::new(8, 2, 4))))),
        ("reshape to another size", text(|| Ok(Tensor::zeros([2, 3]).reshape([5])))),
        ("axis outside of the shape", text(|| Ok(Tensor::zeros([2, 3]).sum(&[2])))),
        ("position outside of an axis", text(|| Ok(Tensor::zeros([2, 3]).at(&[5.into()])))),
        ("reading as another type", text(|| Tensor::zeros([2]).to_vec::<i32>())),
        ("item of many", text(|| Tensor::zeros([2]).item::<f32>())),
        ("elements that do not fill a shape", text(|| Tensor::from_slice(&[1.0f32; 3], [2, 2]))),
        ("gradient of integers", text(|| gradient(&Tensor::from([1]), &[&Tensor::from([1])]))),
        ("gradient after the graph was released", {
            text(|| {
                let x = Tensor::from([2.0f32]);
                let y = x.square();
                y.item::<f32>()?;
                gradient(&y, &[&x])
            })
        }),
        ("unknown device", text(|| "tpu".parse::<Device>())),
        ("model without input", text(|| Sequential::new().add(Dense::new(1)).build())),
        ("input that is not first", text(|| Sequential::new().add(Dense::new(1)).add(Input::new([4])).build())),
        ("convolution of vectors", text(|| Sequential::new().add(Input::new([4])).add(Conv2D::new(2, 3)).build())),
        ("window larger than the image", text(|| image().add(Conv2D::new(2, 9)).build())),
        ("groups that do not divide", text(|| image().add(Conv2D::new(4, 3).groups(2)).build())),
        ("reshape that does not fit", text(|| image().add(Reshape::new([7, -1])).build())),
        ("two layers of one name", text(|| image().add(Flatten::new().name("a")).add(Dense::new(1).name("a")).build())),
        ("layer that does not exist", text(|| compiled()?.get_layer("probs").cloned())),
        (
            "fit before compile",
            text(|| Sequential::new().add(Input::new([4])).add(Dense::new(3)).build()?.fit((&x, &labels([0; 4]))).run()),
        ),
        ("call with another shape", text(|| compiled()?.call(&Tensor::zeros([2, 5]), Training::No))),
        ("inputs of another shape", fit(&floats([4, 5]), &labels([0; 4]))),
        ("more targets than inputs", fit(&x, &Array::from(vec![0, 1]))),
        ("no data", fit(&floats([0, 4]), &Array::from(Vec::<i32>::new()))),
        ("label out of range", fit(&x, &labels([0, 1, 3, 2]))),
        ("negative label", fit(&x, &labels([0, -1, 1, 2]))),
        ("floats as labels", fit(&x, &Array::from(vec![0.0f32, 1.0, 2.0, 0.0]))),
        ("text as labels", fit(&x, &Array::from(vec!["cat".to_owned(); 4]))),
        ("one-hot labels for sparse", fit(&x, &floats([4, 3]))),
        ("loss of an output that does not exist", text(|| heads(Losses::new().add("wage", MeanSquaredError::new()), None).map(drop))),
        ("metric of no output", text(|| heads(MeanSquaredError::new(), Some(RootMeanSquaredError::new())).map(drop))),
        ("one target for two outputs", text(|| heads(MeanSquaredError::new(), None)?.fit((&x, &floats([4, 1]))).run())),
        ("target that is missing", {
            let ages = floats([4, 1]);
            text(|| heads(MeanSquaredError::new(), None)?.fit((&x, &Named::new().add("age", &ages))).run())
        }),
        ("target of other shape", {
            let (ages, incomes) = (floats([4, 1]), floats([4, 2]));
            text(|| heads(MeanSquaredError::new(), None)?.fit((&x, &[&ages, &incomes])).run())
        }),
        ("class weights for two outputs", {
            let y = floats([4, 1]);
            text(|| heads(MeanSquaredError::new(), None)?.fit((&x, &[&y, &y])).class_weight([(0, 2.0)]).run())
        }),
        ("batch larger than the data", text(|| compiled()?.fit((&x, &labels([0; 4]))).batch_size(5).run())),
        ("validation split of everything", text(|| compiled()?.fit((&x, &labels([0; 4]))).validation_split(1.0).run())),
        ("NaN in a layer", {
            text(|| {
                let mut model =
                    Sequential::new().add(Input::new([4])).add(Rescaling::new(f32::INFINITY).name("blow")).add(Dense::new(3)).build()?;
                model.compile(SGD::new(0.1), SparseCategoricalCrossentropy::new().from_logits(true)).finish()?;
                model.fit((&x, &labels([0; 4]))).verbose(Verbose::Silent).run()
            })
        }),
        ("dataset with a wrong magic number", broken(&[0, 0, 8, 1, 0, 0, 0, 1])),
        ("dataset cut short", broken(&[0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 28, 0, 0, 0, 28, 1, 2, 3])),
    ];
    let _ = std::fs::remove_dir_all(&folder);
    all
}

/// A model of two outputs.
fn heads(losses: impl Into<Losses>, metric: Option<RootMeanSquaredError>) -> Result<Model> {
    let x = Input::new([4]).symbol();
    let mut model = Model::new(&x, [&Dense::new(1).name("age").apply(&x), &Dense::new(1).name("income").apply(&x)])?;
    let compile = model.compile(SGD::new(0.1), losses);
    match metric {
        Some(metric) => compile.metric(metric).finish()?,
        None => compile.finish()?,
    }
    Ok(model)
}

fn texts_are_clear() -> Result<(), String> {
    let all = Device::cpu().scope(|| Seed(1).scope(texts));
    let shown: String = all.iter().map(|(name, text)| format!("{name}:\n    {}\n", text.replace('\n', "\n    "))).collect();
    catch_unwind(|| insta::assert_snapshot!("errors", shown)).map_err(|_| "the texts differ from the snapshot".into())
}

/// A GPU of its own, so that faults harm no other test.
fn own_gpu() -> Result<Device> {
    Gpu::open_with(&Settings::default()).map(Device::Gpu)
}

fn with_fault(fault: Fault) -> Result<Error> {
    let device = own_gpu()?;
    let Device::Gpu(gpu) = &device else { unreachable!("own_gpu() opens one") };
    device.scope(|| {
        let x = Tensor::from([1.0f32, 2.0]);
        assert_eq!((&x + 1.0).to_vec::<f32>()?, [2.0, 3.0]);
        gpu.inject(fault);
        let later = Tensor::from_slice(&[3.0f32], [1]).and_then(|y| (y * 2.0).to_vec::<f32>());
        Ok(later.expect_err("the fault is reported by the next read"))
    })
}

fn a_full_memory_is_survived(_: &Device) -> Result<(), String> {
    let device = own_gpu().map_err(|error| error.to_string())?;
    let Device::Gpu(gpu) = &device else { unreachable!("own_gpu() opens one") };
    device.scope(|| {
        let x = Tensor::from([1.0f32; 5000]);
        gpu.inject(Fault::OutOfMemory(u32::MAX));
        let y = &x * 2.0;
        let error = y.compute().expect_err("there is no memory");
        assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error}");
        gpu.inject(Fault::OutOfMemory(0));
        assert_eq!(y.to_vec::<f32>().map_err(|error| error.to_string())?[0], 2.0, "nothing was lost");
        Ok(())
    })
}

fn a_lost_device_is_an_error(_: &Device) -> Result<(), String> {
    let error = with_fault(Fault::DeviceLost).map_err(|error| error.to_string())?;
    assert_eq!(error.kind(), ErrorKind::DeviceLost, "{error}");
    Ok(())
}

fn a_driver_error_is_an_error(_: &Device) -> Result<(), String> {
    let error = with_fault(Fault::Validation).map_err(|error| error.to_string())?;
    assert_eq!(error.kind(), ErrorKind::Device, "{error}");
    Ok(())
}

fn a_tensor_beyond_the_limit_is_refused(device: &Device) -> Result<(), String> {
    let Device::Gpu(gpu) = device else { unreachable!("runs on a GPU") };
    let words = gpu.caps().max_binding.max(gpu.caps().max_buffer) as usize / 4 + 1;
    let error = Tensor::zeros([words]).compute().expect_err("larger than the adapter takes").to_string();
    let numbers = error.split(|letter: char| !letter.is_ascii_digit()).filter(|number| number.len() > 6).count();
    assert!(numbers >= 2, "the text names both numbers: {error}");
    Ok(())
}

fn main() {
    let devices = support::devices();
    let mut trials = vec![libtest_mimic::Trial::test("texts are clear", || texts_are_clear().map_err(Into::into))];
    type Test = fn(&Device) -> Result<(), String>;
    let tests: [(&str, Test); 4] = [
        ("a full memory is survived", a_full_memory_is_survived),
        ("a lost device is an error", a_lost_device_is_an_error),
        ("a driver error is an error", a_driver_error_is_an_error),
        ("a tensor beyond the limit is refused", a_tensor_beyond_the_limit_is_refused),
    ];
    trials.extend(tests.map(|(name, test)| support::trial(name, &devices[1], test)));
    support::run(trials, true);
}
