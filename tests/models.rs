//! Functional models: graphs of layers and operators, several inputs and outputs, shared and nested ones, their JSON, and what is
//! wrong with some.

mod support;

use wgrad::prelude::*;

fn main() {
    type Test = fn(&Device) -> Result<()>;
    let tests: [(&'static str, Test); 12] = [
        ("residuals and operators", residuals),
        ("a shared tower has one set of weights", shared),
        ("several inputs and outputs by name", several),
        ("a model is a layer of another one", nested),
        ("unknown sizes stay unknown", unknown),
        ("json both ways gives the same numbers", both_ways),
        ("frozen layers are not trained", frozen),
        ("intermediate outputs", intermediate),
        ("masks flow through layers", masks),
        ("pictures", pictures),
        ("code", code),
        ("errors name line, layer and input", errors),
    ];
    support::run(support::trials(tests), false);
}

fn numbers(shape: &[usize]) -> Result<Tensor> {
    let size: usize = shape.iter().product();
    Tensor::from_slice(&(0..size).map(|i| (i * 7919 % 1009) as f32 / 504.5 - 1.0).collect::<Vec<_>>(), shape)
}

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.to_vec()
}

fn residuals(_: &Device) -> Result<()> {
    let x = Input::new([4]).symbol();
    let h = Dense::new(4).activation(Tanh).apply(&x);
    let y = ((&x + &h) * 0.5 - 1.0).relu();
    let model = Model::new(&x, &y)?;
    let data = numbers(&[3, 4])?;
    let w = model.get_weights();
    let expected = ((&data + (data.matmul(&w[0]) + &w[1]).tanh()) * 0.5f32 - 1.0f32).relu();
    assert_eq!(values(&model.call(&data, Training::No)?)?, values(&expected)?);
    assert_eq!(model.variables()[0].name(), "dense/kernel");
    Ok(())
}

fn shared(_: &Device) -> Result<()> {
    let (a, b) = (Input::new([3]).symbol(), Input::new([3]).symbol());
    let tower = Dense::new(2).name("tower");
    let y = tower.clone().apply(&a) - tower.clone().apply(&b);
    let model = Model::new([&a, &b], &y)?;
    assert_eq!(model.count_params(), 3 * 2 + 2);
    let x = numbers(&[5, 3])?;
    assert_eq!(values(&model.call((&x, &x), Training::No)?)?, vec![0.0; 10]);
    assert!(model.summary_text().contains("tower[0][0]") && model.summary_text().contains("tower[1][0]"), "{}", model.summary_text());
    Ok(())
}

fn several(_: &Device) -> Result<()> {
    let model = two_ended()?;
    assert_eq!(model.output_names()?, ["sum", "wide"]);
    let outputs = model.call_all((&numbers(&[2, 3])?, &numbers(&[2, 3])?), Training::No)?;
    assert_eq!((&outputs[0].shape()[..], &outputs[1].shape()[..]), (&[2, 3][..], &[2, 6][..]));
    Ok(())
}

fn two_ended() -> Result<Model> {
    let (a, b) = (Input::new([3]).name("a").symbol(), Input::new([3]).name("b").symbol());
    let sum = &a + Dense::new(3).apply(&b);
    let wide = Dense::new(6).activation(Relu).apply(&sum);
    Model::new([("a", &a), ("b", &b)], [("sum", &sum), ("wide", &wide)])
}

fn nested(_: &Device) -> Result<()> {
    let inner = Sequential::new().name("inner").add(Input::new([3])).add(Dense::new(4)).add(Dense::new(3)).build()?;
    let x = Input::new([3]).symbol();
    let y = Dense::new(1).apply(&(inner.as_layer()?.apply(&x) + &x));
    let model = Model::new(&x, &y)?;
    assert_eq!(model.count_params(), inner.count_params() + 4);
    let (data, w) = (numbers(&[2, 3])?, model.get_weights());
    assert_eq!(w.len(), 6);
    let between = inner.call(&data, Training::No)? + &data;
    let last = model.get_layer("dense")?.variables();
    let expected = between.matmul(&last[0].value()) + last[1].value();
    assert_eq!(values(&model.call(&data, Training::No)?)?, values(&expected)?);
    Ok(())
}

fn unknown(_: &Device) -> Result<()> {
    let x = Input::new(dims![None, 3]).symbol();
    let y = Conv1D::new(4, 3).padding(Same).strides(2).apply(&x);
    assert_eq!((x.dims().to_string(), y.dims().to_string()), ("(None, None, 3)".into(), "(None, None, 4)".into()));
    let model = Model::new(&x, &y)?;
    for steps in [1, 8, 9] {
        assert_eq!(model.call(&numbers(&[2, steps, 3])?, Training::No)?.shape()[..], [2, steps.div_ceil(2), 4]);
    }
    Ok(())
}

fn both_ways(_: &Device) -> Result<()> {
    let inner = Sequential::new().name("inner").add(Input::new([6])).add(Dense::new(6)).add(Dropout::new(0.5)).build()?;
    let (a, b) = (Input::new([3]).name("a").symbol(), Input::new([3]).name("b").symbol());
    let tower = Dense::new(6).activation(Gelu).kernel_initializer(HeNormal::new()).name("tower");
    let (p, q) = (tower.clone().apply(&a), tower.clone().apply(&b));
    let y = inner.as_layer()?.apply(&(2.0 * &p / (&q * &q + 1.0)));
    let model = Model::new([&a, &b], [("y", &y), ("q", &q)])?;
    let copy = Model::from_json(&model.to_json()?)?;
    assert!(copy.to_json()? == model.to_json()?, "the copy's JSON differs");
    copy.set_weights(&model.get_weights())?;
    let inputs = [numbers(&[4, 3])?, numbers(&[4, 3])? * 0.5f32];
    for (found, expected) in copy.call_all(&inputs[..], Training::No)?.iter().zip(model.call_all(&inputs[..], Training::No)?) {
        assert_eq!(values(found)?, values(&expected)?);
    }
    assert_eq!(model.clone_model()?.count_params(), model.count_params());
    Ok(())
}

fn frozen(_: &Device) -> Result<()> {
    let model = two_ended()?;
    model.get_layer("dense")?.set_trainable(false);
    let names: Vec<String> = model.trainable_variables().iter().map(|variable| variable.name().to_owned()).collect();
    assert_eq!(names, ["dense_1/kernel", "dense_1/bias"]);
    model.set_trainable(false);
    assert!(model.trainable_variables().is_empty());
    Ok(())
}

fn intermediate(_: &Device) -> Result<()> {
    let x = Input::new([3]).symbol();
    let h = Dense::new(4).apply(&x);
    let y = Dense::new(2).apply(&h);
    let (whole, first, second) = (Model::new(&x, &y)?, Model::new(&x, &h)?, Model::new(&h, &y)?);
    let data = numbers(&[2, 3])?;
    let through = second.call(&first.call(&data, Training::No)?, Training::No)?;
    assert_eq!(values(&through)?, values(&whole.call(&data, Training::No)?)?);
    Ok(())
}

fn masks(_: &Device) -> Result<()> {
    let tokens = Input::new(dims![None]).dtype(DType::I32).symbol();
    let h = Embedding::new(5, 3).mask_zero(true).apply(&tokens);
    let h = Dense::new(4).activation(Tanh).apply(&h);
    let y = MultiHeadAttention::new(2, 2).apply((&h, &h));
    let (padded, short) = (Tensor::from([[1, 2, 0, 0]]), Tensor::from([[1, 2]]));
    let model = Model::new(&tokens, &y)?;
    let (found, expected) = (model.call(&padded, Training::No)?.to_vec::<f32>()?, model.call(&short, Training::No)?.to_vec::<f32>()?);
    let near = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(near, "padding changes what is not padding: {:?}, {expected:?}", &found[..8]);
    Ok(())
}

fn pictures(_: &Device) -> Result<()> {
    let model = two_ended()?;
    let dot = model.to_dot()?;
    assert!(dot.contains("a (InputLayer)\\n(None, 3)") && dot.contains("0 -> 3;") && dot.contains("2 -> 3;"), "{dot}");
    let svg = model.to_svg()?;
    assert!(svg.matches("<path").count() == 4 && svg.contains("wide") == dot.contains("wide"), "{svg}");
    Ok(())
}

fn code(_: &Device) -> Result<()> {
    let x = Input::new([8, 4]).name("x").symbol();
    let tower = Conv1D::new(4, 3).padding(Causal).kernel_initializer(HeNormal::new()).name("tower");
    let h = (tower.clone().apply(&x) * 0.5).relu() + tower.clone().apply(&x);
    let y = MultiHeadAttention::new(2, 2).name("mix").call_with((&h, &x)).causal().apply();
    let model = Model::new(&x, &y)?;
    // Keras' attention takes query and value one by one.
    let json = model.to_json()?;
    let mix = &json[json.find("\"MultiHeadAttention\"").unwrap_or_default()..];
    assert!(mix.contains("\"args\":[{") && !mix.contains("build_config"), "{mix}");
    assert_eq!(
        model.to_rust()?,
        "let x = Input::new([8, 4]).name(\"x\").symbol();
let tower_layer = Conv1D::new(4, [3]).padding(Causal).kernel_initializer(HeNormal::new()).name(\"tower\").shared();
let tower = tower_layer.clone().apply(&x);
let multiply = &tower * 0.5;
let relu = (&multiply).relu();
let tower_1 = tower_layer.clone().apply(&x);
let add = &relu + &tower_1;
let mix = MultiHeadAttention::new(2, 2).name(\"mix\").call_with([&add, &x]).causal().apply();
let model = Model::new([&x], [&mix])?;
"
    );
    Ok(())
}

fn errors(_: &Device) -> Result<()> {
    let text = |result: Result<Model>| result.err().map(|error| error.to_string()).unwrap_or_default();
    let (x, other) = (Input::new([4]).symbol(), Input::new([4]).name("other").symbol());
    let wrong = Dense::new(2).apply(&Conv2D::new(3, 3).apply(&x));
    let found = text(Model::new(&x, &wrong));
    assert!(found.contains("conv2d (Conv2D): expected (N, H, W, C)") && found.contains("tests/models.rs:"), "{found}");
    let found = text(Model::new(&x, &Dense::new(2).apply(&(&x + &other))));
    assert!(found.contains("disconnected") && found.contains("input other"), "{found}");
    let twice = Dense::new(2).name("same").apply(&Dense::new(2).name("same").apply(&x));
    assert!(text(Model::new(&x, &twice)).contains("two layers are called same"));
    let found = text(Model::new(&Tensor::zeros([2]), &x));
    assert!(found.contains("is no symbol"), "{found}");
    assert!(x.to_vec::<f32>().unwrap_err().to_string().contains("a symbol of shape (None, 4) has no value"));

    let model = two_ended()?;
    let found = model.call(&numbers(&[2, 3])?, Training::No).unwrap_err().to_string();
    assert!(found.contains("expected 2 inputs (a, b), got 1"), "{found}");
    let json = model.to_json()?.replace("\"Dense\"", "\"Danse\"").replace("\"a\",\"sparse\"", "\"a\",\"spurs\":1,\"sparse\"");
    let found = text(Model::from_json(&json));
    assert!(found.matches("unknown layer Danse").count() == 2, "{found}");
    Ok(())
}
