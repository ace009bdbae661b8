//! Recurrent layers beside what Keras' vectors show: a walk beside its steps, dropout, kept states, and errors.

use wgrad::{
    layers::{Cell, Outputs},
    prelude::*,
};

fn numbers(shape: &[usize]) -> Tensor {
    let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| (i as f32 * 12.9898).sin()).collect();
    Tensor::from_slice(&values, shape).expect("as many values as the shape says")
}

/// The outputs of a call, whose updates are made.
fn call(layer: &LayerRef, inputs: &Inputs, training: Training) -> Result<Vec<Tensor>> {
    let mut call = Call::new(training, 1, 0);
    let outputs = layer.call_all(&mut call, inputs)?;
    for (variable, value) in call.take_updates() {
        variable.assign(&value)?;
    }
    Ok(outputs.tensors().to_vec())
}

fn near(found: &Tensor, expected: &Tensor) -> Result<()> {
    let (found, expected) = (found.to_vec::<f32>()?, expected.to_vec::<f32>()?);
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}, expected {expected:?}");
    Ok(())
}

/// Copies the weights of one layer to another.
fn share(from: &LayerRef, to: &LayerRef) -> Result<()> {
    from.variables().iter().zip(to.variables()).try_for_each(|(from, to)| to.assign(&from.value()))
}

/// A cell that is called step by step, around one that could walk.
#[derive(Layer, Clone, Debug)]
#[layer(package = "test")]
struct StepByStep {
    #[layer(new)]
    inner: LayerRef,
    /// Sizes of its states.
    #[layer(new)]
    sizes: Vec<usize>,
}

impl Layer for StepByStep {
    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        self.inner.call_all(call, inputs)
    }
    fn as_cell(&self) -> Option<&dyn Cell> {
        Some(self)
    }
}

impl Cell for StepByStep {
    fn state_shapes(&self, input: &Shape) -> Result<Vec<Shape>> {
        Ok(self.sizes.iter().map(|&size| Shape::from([input[0], size])).collect())
    }
}

#[test]
fn a_walk_is_its_steps() -> Result<()> {
    Device::cpu().scope(|| {
        type Cell = (fn() -> LayerRef, &'static [usize]);
        let cells: [Cell; 4] = [
            (|| LSTMCell::new(4).shared(), &[4, 4]),
            (|| GRUCell::new(4).shared(), &[4]),
            (|| GRUCell::new(4).reset_after(false).activation(Relu).shared(), &[4]),
            (|| StackedRNNCells::new([SimpleRNNCell::new(5).shared(), LSTMCell::new(4).shared()]).shared(), &[5, 4, 4]),
        ];
        let mask = Tensor::from_slice(&[false, true, false, true, true, true, true, false, false, false, false, true], [3, 4])?;
        for (cell, sizes) in cells {
            for zeros in [false, true] {
                let options = |cell: LayerRef| RNN::new(cell).return_sequences(true).return_state(true).zero_output_for_mask(zeros);
                let (whole, steps) = (options(cell()).shared(), options(StepByStep::new(cell(), sizes).shared()).shared());
                let inputs = Inputs::new([&numbers(&[3, 4, 2])]).with_mask(0, Some(mask.clone()));
                let states = call(&whole, &inputs, Training::No)?.split_off(1);
                call(&steps, &inputs, Training::No)?;
                share(&whole, &steps)?;
                let inputs = inputs.with("initial_state", Argument::Tensors(states));
                for (found, expected) in call(&whole, &inputs, Training::No)?.iter().zip(call(&steps, &inputs, Training::No)?) {
                    near(found, &expected)?;
                }
            }
        }
        Ok(())
    })
}

#[test]
fn what_is_dropped_is_so_at_all_steps() -> Result<()> {
    Device::cpu().scope(|| {
        let x = Inputs::new([&Tensor::ones([2, 6, 3])]);
        let states = |layer: SimpleRNN| -> Result<Tensor> {
            let layer = layer.activation(Linear).use_bias(false).return_sequences(true).seed(3).shared();
            call(&layer, &x, Training::No)?;
            Ok(call(&layer, &x, Training::Yes)?.swap_remove(0))
        };
        // Each step adds the same share of the same inputs; states that are all dropped leave nothing to add to.
        let inputs = states(SimpleRNN::new(8).dropout(0.5).recurrent_dropout(1.0))?;
        near(&inputs, &inputs.at(&[All, Index::from(..1)]).broadcast_to(inputs.shape()))?;
        let plain = states(SimpleRNN::new(8).recurrent_dropout(1.0))?;
        assert_ne!(inputs.to_vec::<f32>()?, plain.to_vec::<f32>()?);
        Ok(())
    })
}

#[test]
fn a_stateful_layer_goes_on_where_it_ended() -> Result<()> {
    Device::cpu().scope(|| {
        let (x, halves) = (numbers(&[2, 6, 3]), |x: &Tensor| x.split(2, 1));
        let (whole, kept) = (LSTM::new(4).shared(), LSTM::new(4).stateful(true).shared());
        let expected = call(&whole, &Inputs::from(&x), Training::No)?;
        // Another batch size is fine as long as nothing is kept, as when a model is built.
        kept.call(&mut Call::new(Training::No, 1, 0), &numbers(&[3, 3, 3]))?;
        share(&whole, &kept)?;
        let run = || -> Result<Tensor> {
            let both = halves(&x).iter().map(|x| call(&kept, &Inputs::from(x), Training::No)).collect::<Result<Vec<_>>>()?;
            Ok(both[1][0].clone())
        };
        near(&run()?, &expected[0])?;
        let error = call(&kept, &Inputs::from(&numbers(&[3, 3, 3])), Training::No).unwrap_err().to_string();
        assert!(error.contains("(2, 4)") && error.contains("reset_state"), "{error}");
        kept.with(LSTM::reset_state).expect("it is an LSTM");
        near(&run()?, &expected[0])
    })
}

#[test]
fn wrong_masks_and_states_are_named() -> Result<()> {
    Device::cpu().scope(|| {
        let layer = GRU::new(4).shared();
        let x = numbers(&[2, 5, 3]);
        let text = |inputs: Inputs| call(&layer, &inputs, Training::No).map_err(|error: Error| error.to_string()).unwrap_err();
        let mask = text(Inputs::new([&x]).with_mask(0, Some(Tensor::from_slice(&[true; 8], [2, 4])?)));
        assert!(mask.contains("the mask has shape (2, 4), expected (2, 5)"), "{mask}");
        let states = text(Inputs::new([&x]).with("initial_state", Argument::Tensors(vec![numbers(&[2, 3])])));
        assert!(states.contains("initial states have shapes (2, 3); expected (2, 4)"), "{states}");
        let same = Bidirectional::new(GRU::new(4)).backward_layer(GRU::new(4)).shared();
        let error = call(&same, &Inputs::from(&x), Training::No).unwrap_err().to_string();
        assert!(error.contains("exactly one has go_backwards"), "{error}");
        Ok(())
    })
}
