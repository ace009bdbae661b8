//! Reading: the moment at which what was recorded is computed.

use crate::{
    Error, Result, Tensor,
    device::{Buffer, Device, cpu::halves, gpu::Readback},
    dtype::Element,
    plan,
    shape::Spec,
};

/// Elements on their way from the device, as words.
///
/// ```
/// use wgrad::prelude::*;
/// let reading = (Tensor::from([1u32, 2]) + Tensor::from([3u32, 4])).read_later()?;
/// assert_eq!(reading.wait()?, [4, 6]);
/// # Ok::<(), wgrad::Error>(())
/// ```
pub struct Reading {
    state: State,
    spec: Spec,
}

enum State {
    Here(Vec<u32>),
    Coming(Readback),
}

impl Reading {
    /// Whether [`wait`](Reading::wait) returns at once.
    pub fn ready(&self) -> bool {
        match &self.state {
            State::Here(_) => true,
            State::Coming(readback) => readback.ready(),
        }
    }

    /// One word for each element, row-major; [`Element::from_word`] makes elements of them.
    ///
    /// # Errors
    /// When the device failed.
    pub fn wait(self) -> Result<Vec<u32>> {
        let words = match self.state {
            State::Here(words) => words,
            State::Coming(readback) => bytemuck::pod_collect_to_vec(&readback.wait()?),
        };
        Ok(halves::unpack(self.spec.dtype, words, self.spec.size()))
    }
}

impl Tensor {
    /// The elements, row-major. Computes what is pending.
    ///
    /// # Errors
    /// When `T` is not the tensor's type, or the device failed since the last read.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        self.dtype().check::<T>()?;
        Ok(self.to_words()?.into_iter().map(T::from_word).collect())
    }

    /// The only element. Computes what is pending.
    ///
    /// # Errors
    /// When there is not exactly one element, and as [`Tensor::to_vec`].
    pub fn item<T: Element>(&self) -> Result<T> {
        if self.size() != 1 {
            return Err(Error::shape(format!("item: shape {} has {} elements, not one", self.shape(), self.size())));
        }
        Ok(self.to_vec()?[0])
    }

    /// The elements as an ndarray of runtime rank.
    ///
    /// # Errors
    /// As [`Tensor::to_vec`].
    pub fn to_ndarray<T: Element>(&self) -> Result<ndarray::ArrayD<T>> {
        let elements = self.to_vec()?;
        Ok(ndarray::ArrayD::from_shape_vec(self.shape().to_vec(), elements).expect("as many elements as the shape says"))
    }

    /// Computes this tensor now, and with it pending writes of variables; reads nothing back.
    ///
    /// # Errors
    /// When the device refuses.
    pub fn compute(&self) -> Result<()> {
        plan::flush(std::slice::from_ref(self))
    }

    /// The elements, to be looked at when they have arrived: what a training loop reads a few steps late.
    ///
    /// # Errors
    /// When the device refuses.
    pub fn read_later(&self) -> Result<Reading> {
        plan::check_read()?;
        self.compute()?;
        let value = self.value().expect("a flush computes what was asked for");
        let (spec, words) = (self.spec().clone(), self.spec().words());
        let state = match (self.device(), &value.buffer) {
            (Device::Gpu(gpu), Buffer::Gpu(buffer)) => State::Coming(gpu.read_async(buffer, 4 * value.offset as u64, 4 * words as u64)?),
            (device, _) => State::Here(device.read(&value, words)?),
        };
        Ok(Reading { state, spec })
    }

    /// One word for each element, as kernels hold them.
    pub(crate) fn to_words(&self) -> Result<Vec<u32>> {
        plan::check_read()?;
        self.compute()?;
        let value = self.value().expect("a flush computes what was asked for");
        Ok(halves::unpack(self.dtype(), self.device().read(&value, self.spec().words())?, self.size()))
    }
}
