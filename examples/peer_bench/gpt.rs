//! A small GPT of pre-norm blocks, put together from tensor ops: the library has no attention yet.

use wgrad::prelude::*;

const WIDTH: usize = 128;
const HEADS: usize = 4;
pub const CONTEXT: usize = 64;
pub const VOCABULARY: usize = 65;

/// 4 blocks of width 128 with 4 heads, context 64, vocabulary 65, learned positions.
pub fn gpt() -> Result<Model> {
    let mut model = Sequential::new().add(Input::new([CONTEXT]).dtype(DType::I32)).add(Tokens::new());
    for _ in 0..4 {
        model = model.add(Block::new());
    }
    model.add(LayerNormalization::new().epsilon(1e-5)).add(Dense::new(VOCABULARY)).build()
}

/// Token and position embeddings: (N, T) of int32 to (N, T, D).
#[derive(Layer, Clone, Debug)]
struct Tokens {
    #[layer(weight)]
    token: Weight,
    #[layer(weight)]
    position: Weight,
}

impl SimpleLayer for Tokens {
    fn build(&mut self, build: &mut Build, _input: &Shape) -> Result<()> {
        self.token = build.weight("token", [VOCABULARY, WIDTH]).initializer(RandomUniform::new()).add()?;
        self.position = build.weight("position", [CONTEXT, WIDTH]).initializer(RandomUniform::new()).add()?;
        Ok(())
    }

    fn call(&self, _call: &mut Call, ids: &Tensor) -> Result<Tensor> {
        Ok(self.token.value().take(ids, 0) + self.position.value())
    }
}

/// `x + attention(norm(x))`, then `x + mlp(norm(x))`.
#[derive(Layer, Clone, Debug)]
struct Block {
    #[layer(weight)]
    norms: [[Weight; 2]; 2],
    /// Queries, keys and values in one; the heads' output; up and down of the MLP.
    #[layer(weight)]
    projections: [[Weight; 2]; 4],
    #[layer(skip)]
    mask: Option<Tensor>,
}

impl Block {
    fn norm(&self, at: usize, x: &Tensor) -> Tensor {
        let [gamma, beta] = &self.norms[at];
        x.layer_norm(&[-1], Some(&gamma.value()), Some(&beta.value()), 1e-5)
    }

    fn project(&self, at: usize, x: &Tensor) -> Tensor {
        let [kernel, bias] = &self.projections[at];
        x.matmul(&kernel.value()) + bias.value()
    }

    fn attention(&self, x: &Tensor) -> Tensor {
        let (batch, time, size) = (x.shape()[0], x.shape()[1], WIDTH / HEADS);
        let parts = self.project(0, x).reshape([batch, time, 3, HEADS, size]).permute(&[2, 0, 3, 1, 4]);
        let [queries, keys, values] = [0, 1, 2].map(|part| parts.at(&[Index::At(part), All, All, All, All]));
        let scores = queries.matmul(&keys.swap_axes(-1, -2)) * (1.0 / (size as f32).sqrt()) + self.mask.as_ref().expect("built");
        let attended = scores.softmax(-1).matmul(&values).permute(&[0, 2, 1, 3]);
        self.project(1, &attended.reshape([batch, time, WIDTH]))
    }
}

impl SimpleLayer for Block {
    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        for (norm, name) in self.norms.iter_mut().zip(["norm_1", "norm_2"]) {
            norm[0] = build.weight(&format!("{name}/gamma"), [WIDTH]).initializer(Ones).add()?;
            norm[1] = build.weight(&format!("{name}/beta"), [WIDTH]).add()?;
        }
        let sizes = [("qkv", WIDTH, 3 * WIDTH), ("out", WIDTH, WIDTH), ("up", WIDTH, 4 * WIDTH), ("down", 4 * WIDTH, WIDTH)];
        for (projection, (name, from, to)) in self.projections.iter_mut().zip(sizes) {
            projection[0] = build.weight(&format!("{name}/kernel"), [from, to]).add()?;
            projection[1] = build.weight(&format!("{name}/bias"), [to]).add()?;
        }
        let time = input[1];
        let hidden: Vec<f32> = (0..time * time).map(|at| if at % time > at / time { -1e9 } else { 0.0 }).collect();
        self.mask = Some(Tensor::from_slice(&hidden, [time, time])?);
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let x = x + self.attention(&self.norm(0, x));
        Ok(&x + self.project(3, &self.project(2, &self.norm(1, &x)).gelu()))
    }
}
