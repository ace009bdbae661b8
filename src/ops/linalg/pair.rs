//! Complex matrices as pairs of real ones, as far as gradients of eigenvectors need them.

use super::adjoint;
use crate::Tensor;

/// Real and imaginary parts.
#[derive(Clone)]
pub(super) struct Pair(pub Tensor, pub Tensor);

impl Pair {
    /// Each of the parts changed alike, as views do.
    pub fn each(&self, f: impl Fn(&Tensor) -> Tensor) -> Pair {
        Pair(f(&self.0), f(&self.1))
    }

    /// Transposed, with the other sign of the imaginary part.
    pub fn adjoint(&self) -> Pair {
        Pair(adjoint(&self.0), -adjoint(&self.1))
    }

    pub fn conjugate(&self) -> Pair {
        Pair(self.0.clone(), -&self.1)
    }

    pub fn plus(&self, other: &Pair) -> Pair {
        Pair(&self.0 + &other.0, &self.1 + &other.1)
    }

    pub fn minus(&self, other: &Pair) -> Pair {
        Pair(&self.0 - &other.0, &self.1 - &other.1)
    }

    /// Element by element.
    pub fn times(&self, other: &Pair) -> Pair {
        Pair(&self.0 * &other.0 - &self.1 * &other.1, &self.0 * &other.1 + &self.1 * &other.0)
    }

    pub fn matmul(&self, other: &Pair) -> Pair {
        let product = |x: &Tensor, y: &Tensor| x.matmul(y);
        Pair(product(&self.0, &other.0) - product(&self.1, &other.1), product(&self.0, &other.1) + product(&self.1, &other.0))
    }

    /// `1 / x` element by element, and zero where `x` is.
    pub fn safe_reciprocal(&self) -> Pair {
        let square = self.0.square() + self.1.square() + 1e-20;
        Pair(&self.0 / &square, -&self.1 / &square)
    }

    /// The `x` with `self x = b`, by way of real matrices of twice the size.
    pub fn solve(&self, b: &Pair) -> Pair {
        let beside = |left: &Tensor, right: &Tensor| Tensor::concat(&[left, right], -1);
        let whole = Tensor::concat(&[&beside(&self.0, &-&self.1), &beside(&self.1, &self.0)], -2);
        let parts = whole.solve(&Tensor::concat(&[&b.0, &b.1], -2)).split(2, -2);
        Pair(parts[0].clone(), parts[1].clone())
    }
}
