//! Targets of losses and metrics: how their shape is brought to the predictions', and what can be wrong with them.

use crate::{DType, Error, Result, Shape, Tensor, data::Array};

/// What is told where shapes differ.
pub(crate) const ELEMENTS: &str = "each prediction needs a target: shapes must be equal, but for an axis of size one at the end";

/// Targets and predictions, in float32, brought to one shape.
pub(crate) fn elements(targets: &Tensor, predictions: &Tensor) -> Result<(Tensor, Tensor)> {
    check_elements(targets.shape(), predictions.shape(), ELEMENTS)?;
    Ok(same_rank(&targets.cast(DType::F32), &predictions.cast(DType::F32)))
}

/// Targets and predictions with ranks that differ by an axis of size one, brought to one rank as Keras does: the axis goes,
/// or is added where the other one has only its samples.
pub(crate) fn same_rank(targets: &Tensor, predictions: &Tensor) -> (Tensor, Tensor) {
    let fit = |one: &Shape, other: &Shape| fitted(one, other).unwrap_or_else(|| one.clone());
    let (t, p) = (targets.shape(), predictions.shape());
    (targets.reshape(fit(t, p)), predictions.reshape(fit(p, t)))
}

/// The shape that `one` takes beside `other`; nothing where it stays.
fn fitted(one: &Shape, other: &Shape) -> Option<Shape> {
    let longer = one.rank() == other.rank() + 1 && one[one.rank() - 1] == 1;
    let shorter = other.rank() == one.rank() + 1 && other[other.rank() - 1] == 1;
    if longer && other.rank() != 1 {
        return Some(one[..other.rank()].into());
    }
    (shorter && one.rank() == 1).then(|| one.iter().copied().chain([1]).collect())
}

/// Whether targets of shape `targets` can stand beside predictions of shape `output`, element by element.
fn match_elements(targets: &Shape, output: &Shape) -> bool {
    let (t, o) = (fitted(targets, output), fitted(output, targets));
    t.as_ref().unwrap_or(targets) == o.as_ref().unwrap_or(output)
}

/// That each prediction has its target.
pub(crate) fn check_elements(targets: &Shape, output: &Shape, hint: &str) -> Result<()> {
    if match_elements(targets, output) {
        return Ok(());
    }
    Err(Error::shape(format!("targets have shape {targets}, predictions {output}; {hint}")))
}

/// The shape of labels beside predictions of shape `output`: a trailing axis of size one goes.
pub(crate) fn label_shape(labels: &Shape, output: &Shape) -> Result<Shape> {
    let expected = &output[..output.rank().saturating_sub(1)];
    let given = if labels.rank() == output.rank() && labels.last() == Some(&1) { &labels[..labels.rank() - 1] } else { &labels[..] };
    if output.rank() > 0 && given == expected {
        return Ok(expected.into());
    }
    let hint = if labels == output {
        "these look like one row for each sample: use CategoricalCrossentropy for one-hot targets"
    } else {
        "each sample has one integer, its class; the predictions have one more axis, the classes"
    };
    Err(Error::shape(format!(
        "labels have shape {labels}, predictions {output}, so labels of shape {} were expected; {hint}",
        Shape::from(expected)
    )))
}

/// That all are finite numbers.
pub(crate) fn check_numbers(targets: &Array) -> Result<()> {
    let Some(mut numbers) = targets.numbers() else {
        return Err(Error::dtype("targets are text, not numbers; look them up first (StringLookup)"));
    };
    let bad = if targets.integers().is_some() { None } else { numbers.position(|x| !x.is_finite()) };
    let Some(at) = bad else { return Ok(()) };
    Err(Error::data(format!("target {} is not finite (NaN or infinity); clean the data first", place(targets, at))))
}

/// That all lie from 0 to 1.
pub(crate) fn check_probabilities(targets: &Array) -> Result<()> {
    let bad = targets.numbers().and_then(|all| all.enumerate().find(|(_, x)| !(0.0..=1.0).contains(x)));
    let Some((at, value)) = bad else { return Ok(()) };
    let place = place(targets, at);
    Err(Error::data(format!(
        "target {place} is {value}, but targets lie from 0 to 1; labels of more than two classes need SparseCategoricalCrossentropy"
    )))
}

/// That all are integers from 0 up to but without `classes`.
pub(crate) fn check_labels(labels: &Array, classes: usize) -> Result<()> {
    check_labels_but(labels, classes, None)
}

/// The same, but for those that are `ignored`.
pub(crate) fn check_labels_but(labels: &Array, classes: usize, ignored: Option<i32>) -> Result<()> {
    let Some(mut values) = labels.integers() else {
        let dtype = labels.dtype();
        return Err(Error::dtype(format!(
            "labels are {dtype}, but classes are numbered by integers: give them as i32, i64 or u8; for one-hot rows use CategoricalCrossentropy"
        )));
    };
    let allowed = 0..i64::try_from(classes).unwrap_or(i64::MAX);
    let Some(at) = values.position(|label| !allowed.contains(&label) && Some(label) != ignored.map(i64::from)) else { return Ok(()) };
    let all = || labels.integers().into_iter().flatten();
    let (label, last) = (all().nth(at).unwrap_or_default(), classes.saturating_sub(1));
    let hint = if classes == 1 {
        "one unit that says yes or no needs BinaryCrossentropy"
    } else if label == allowed.end && all().all(|label| label != 0) {
        "labels count from 0, these seem to count from 1"
    } else {
        "the last layer needs one unit for each class"
    };
    Err(Error::data(format!(
        "label {label} of target {} is not one of the {classes} classes 0 to {last} of the predictions; {hint}",
        place(labels, at)
    )))
}

/// Where element `at` stands, as `17` or `[17, 2]`.
fn place(array: &Array, mut at: usize) -> String {
    let mut indices: Vec<usize> = Vec::new();
    for &size in array.shape().iter().rev() {
        indices.insert(0, at % size);
        at /= size;
    }
    if let [one] = indices[..] { one.to_string() } else { format!("{indices:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(targets: &[usize], output: &[usize]) -> bool {
        match_elements(&targets.into(), &output.into())
    }

    #[test]
    fn an_axis_of_size_one_may_be_missing_or_extra() {
        assert!(fits(&[4, 3], &[4, 3]));
        assert!(fits(&[4], &[4, 1]) && fits(&[4, 1], &[4]));
        assert!(fits(&[4, 5], &[4, 5, 1]) && fits(&[4, 5, 1], &[4, 5]));
        assert!(!fits(&[4, 1], &[4, 3]) && !fits(&[4], &[4, 3]) && !fits(&[4, 3], &[4]) && !fits(&[5], &[4, 1]));
    }

    #[test]
    fn labels_are_checked_one_by_one() {
        let text = |labels: Array, classes| check_labels(&labels, classes).unwrap_err().to_string();
        assert!(check_labels(&vec![0i64, 2, 1].into(), 3).is_ok());
        assert!(check_labels(&vec![true, false].into(), 2).is_ok());
        assert_eq!(
            text(vec![0u8, 2, 3].into(), 3),
            "label 3 of target 2 is not one of the 3 classes 0 to 2 of the predictions; the last layer needs one unit for each class"
        );
        assert!(text(vec![1, 2, 3].into(), 3).ends_with("labels count from 0, these seem to count from 1"));
        assert!(text(vec![0, 1].into(), 1).ends_with("one unit that says yes or no needs BinaryCrossentropy"));
        assert!(text(vec![-1i64].into(), 3).starts_with("label -1 of target 0 is not"));
        assert!(text(Array::new(vec![0, 1, 2, 9], [2, 2]).unwrap(), 3).starts_with("label 9 of target [1, 1] is not"));
        assert!(text(vec![1.0f32].into(), 3).starts_with("labels are float32, but classes are numbered by integers"));
    }

    #[test]
    fn numbers_and_probabilities_are_checked() {
        let text = |result: Result<()>| result.unwrap_err().to_string();
        assert!(text(check_numbers(&vec![1.0f64, f64::NAN].into())).starts_with("target 1 is not finite"));
        assert!(text(check_numbers(&vec!["a".to_owned()].into())).contains("StringLookup"));
        assert!(check_probabilities(&vec![0.0f32, 0.5, 1.0].into()).is_ok());
        assert!(text(check_probabilities(&vec![0, 1, 2].into())).starts_with("target 2 is 2, but targets lie from 0 to 1"));
    }
}
