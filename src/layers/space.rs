//! What layers on axes of space share: an input is (N, space..., C), or (N, C, space...) in the other order, of one to three such axes.

use super::DataFormat;
use crate::{Error, Result, Shape, Tensor};

/// The channels of an input with `N` axes of space.
pub(super) fn channels<const N: usize>(input: &Shape, format: DataFormat) -> Result<usize> {
    if input.rank() == N + 2 {
        return Ok(input[if format == DataFormat::ChannelsLast { N + 1 } else { 1 }]);
    }
    let (things, space) = [("sequences", "T"), ("images", "H, W"), ("volumes", "D, H, W")][N - 1];
    let expected = if format == DataFormat::ChannelsLast { format!("(N, {space}, C)") } else { format!("(N, C, {space})") };
    let hint = format!("{things} have an axis of channels, also when there is but one: Reshape can add it");
    Err(Error::shape(format!("expected {expected}, got {input}; {hint}")))
}

/// The axes of space.
pub(super) fn axes<const N: usize>(format: DataFormat) -> [isize; N] {
    std::array::from_fn(|axis| axis as isize + if format == DataFormat::ChannelsLast { 1 } else { 2 })
}

/// `body` of an input whose channels are last; its result gets the order of the input.
pub(super) fn channels_last(x: &Tensor, format: DataFormat, body: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if format == DataFormat::ChannelsLast {
        return body(x);
    }
    let last = x.rank() as isize - 1;
    let to_last: Vec<isize> = [0].into_iter().chain(2..=last).chain([1]).collect();
    let to_first: Vec<isize> = [0, last].into_iter().chain(1..last).collect();
    Ok(body(&x.permute(&to_last))?.permute(&to_first))
}
