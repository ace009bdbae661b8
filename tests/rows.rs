//! Ops on rows are one kernel forward and one backward, and without fusion the plain ops that they stand for.

use wgrad::{
    ops::{categorical_crossentropy, sparse_categorical_crossentropy},
    prelude::*,
    unfused,
};

/// Kernels that run when `body`'s tensor is computed.
fn kernels(body: impl FnOnce() -> Tensor) -> u64 {
    let result = body();
    let before = Device::cpu().statistics().kernels;
    result.compute().expect("the CPU computes");
    Device::cpu().statistics().kernels - before
}

#[test]
fn one_kernel_forward_and_one_backward() {
    type Call = fn(&[Tensor]) -> Tensor;
    let rows: [(&str, Call); 6] = [
        ("softmax", |x| x[0].softmax(-1)),
        ("log_softmax", |x| x[0].log_softmax(-1)),
        ("layer_norm", |x| x[0].layer_norm(&[-1], Some(&x[1]), Some(&x[2]), 1e-3)),
        ("rms_norm", |x| x[0].rms_norm(&[-1], Some(&x[1]), 1e-3)),
        ("sparse cross-entropy", |x| sparse_categorical_crossentropy(&x[3], &x[0], true)),
        ("cross-entropy", |x| categorical_crossentropy(&x[4], &x[0], true)),
    ];
    Device::cpu().scope(|| {
        let inputs = [
            Tensor::from([[0.5f32, -1.0, 2.0], [1.0, 0.0, 0.0]]),
            Tensor::from([1.0f32, 2.0, 3.0]),
            Tensor::from([0.0f32, 1.0, 0.0]),
            Tensor::from([2, 0]),
            Tensor::from([[0.0f32, 0.5, 0.5], [1.0, 0.0, 0.0]]),
        ];
        for (name, call) in rows {
            let tape = GradientTape::persistent();
            tape.watch(&inputs[0]);
            let y = call(&inputs);
            assert_eq!(kernels(|| y.clone()), 1, "{name}");
            let gradient = || tape.gradient(&y, &inputs[..1]).expect("every op has a gradient")[0].clone().expect("depends on it");
            // The upstream gradient of ones is the second kernel, where it is not part of the first.
            assert!(kernels(gradient) <= 2, "{name}: gradient");
            assert!(unfused(|| kernels(|| call(&inputs))) > 2, "{name}: plain");
        }
        // Batch normalization moves its statistics in the same kernel.
        let model = Sequential::new().add(Input::new([3])).add(BatchNormalization::new()).build().expect("it fits");
        let call = || model.call(&inputs[0], Training::Yes).expect("it fits");
        assert_eq!(kernels(call), 1, "batch normalization");
        assert!(unfused(|| kernels(call)) > 5, "batch normalization: plain");
    });
}
