//! Creation: from numbers, slices and ndarray, and from rules.

use crate::{
    DType, Error, Result, Shape, Tensor,
    device::{Device, cpu::halves},
    dtype::Element,
    ops::fits,
    shape::Spec,
};

impl Tensor {
    /// A tensor of `shape` with these elements, row-major.
    ///
    /// # Errors
    /// When their number is not the shape's size, or the device has no room.
    pub fn from_slice<T: Element>(elements: &[T], shape: impl Into<Shape>) -> Result<Tensor> {
        Self::from_slice_on(&Device::current()?, elements, shape)
    }

    pub(crate) fn from_slice_on<T: Element>(device: &Device, elements: &[T], shape: impl Into<Shape>) -> Result<Tensor> {
        let shape = shape.into();
        if elements.len() != shape.size() {
            return Err(Error::shape(format!("{} elements do not fit shape {shape}, which has {}", elements.len(), shape.size())));
        }
        Self::from_words(device, &T::to_words(elements), Spec { dtype: T::DTYPE, shape })
    }

    /// Zeros that are there at once.
    pub(crate) fn zeros_on(device: &Device, shape: impl Into<Shape>) -> Result<Tensor> {
        let zeros = device.scope(|| Self::zeros(shape));
        zeros.compute()?;
        Ok(zeros)
    }

    /// From one word an element, as kernels hold them.
    pub(crate) fn from_words(device: &Device, words: &[u32], spec: Spec) -> Result<Tensor> {
        let value = device.upload(&halves::pack(spec.dtype, words))?;
        Ok(Tensor::from_value(spec, device.clone(), value))
    }

    /// A copy of an ndarray.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn from_ndarray<T: Element, D: ndarray::Dimension>(array: &ndarray::ArrayRef<T, D>) -> Result<Tensor> {
        let words: Vec<u32> = array.iter().map(|element| element.to_word()).collect();
        Self::from_words(&Device::current()?, &words, Spec::new(T::DTYPE, array.shape()))
    }

    /// `start, start + step, …` up to but without `stop`, as f32.
    #[doc(alias = "keras.ops.arange")]
    pub fn arange(start: f32, stop: f32, step: f32) -> Tensor {
        let count = ((f64::from(stop) - f64::from(start)) / f64::from(step)).ceil().max(0.0) as usize;
        let elements: Vec<f32> = (0..count).map(|i| start + i as f32 * step).collect();
        infallible(&Device::current_or_cpu(), &elements, [count])
    }

    /// `count` numbers from `start` to `stop`, both included, at equal distances.
    #[doc(alias = "keras.ops.linspace")]
    pub fn linspace(start: f32, stop: f32, count: usize) -> Tensor {
        let step = (f64::from(stop) - f64::from(start)) / (count.max(2) - 1) as f64;
        let at = |i: usize| if i > 0 && i + 1 == count { stop } else { (f64::from(start) + i as f64 * step) as f32 };
        infallible(&Device::current_or_cpu(), &(0..count).map(at).collect::<Vec<f32>>(), [count])
    }

    /// The identity matrix of `size` rows.
    #[doc(alias = "keras.ops.eye")]
    pub fn eye(size: usize) -> Tensor {
        Self::eye_on(&Device::current_or_cpu(), size)
    }

    pub(crate) fn eye_on(device: &Device, size: usize) -> Tensor {
        let elements: Vec<f32> = (0..size * size).map(|i| f32::from(u8::from(i % (size + 1) == 0))).collect();
        infallible(device, &elements, [size, size])
    }

    /// A copy on another device; this tensor where it lives there already. Gradients do not cross devices.
    ///
    /// # Errors
    /// When reading or writing a device fails.
    pub fn to_device(&self, device: &Device) -> Result<Tensor> {
        if self.device() == device {
            return Ok(self.clone());
        }
        Self::from_words(device, &self.to_words()?, self.spec().clone())
    }
}

/// For sizes that the caller's own code decides: only a device without memory can refuse, which is then said loudly.
fn infallible<T: Element>(device: &Device, elements: &[T], shape: impl Into<Shape>) -> Tensor {
    fits(Tensor::from_slice_on(device, elements, shape), "creation")
}

impl<T: Element> From<T> for Tensor {
    fn from(value: T) -> Self {
        infallible(&Device::current_or_cpu(), &[value], Shape::scalar())
    }
}

impl<T: Element, const N: usize> From<[T; N]> for Tensor {
    fn from(elements: [T; N]) -> Self {
        infallible(&Device::current_or_cpu(), &elements, [N])
    }
}

impl<T: Element, const M: usize, const N: usize> From<[[T; N]; M]> for Tensor {
    fn from(rows: [[T; N]; M]) -> Self {
        infallible(&Device::current_or_cpu(), rows.as_flattened(), [M, N])
    }
}

impl<T: Element> From<Vec<T>> for Tensor {
    fn from(elements: Vec<T>) -> Self {
        infallible(&Device::current_or_cpu(), &elements, [elements.len()])
    }
}

impl DType {
    /// That this dtype is `T`'s, or an error that names both.
    pub(crate) fn check<T: Element>(self) -> Result<()> {
        if self == T::DTYPE { Ok(()) } else { Err(Error::dtype(format!("the tensor is {self}, not {}; use `cast` first", T::DTYPE))) }
    }
}
