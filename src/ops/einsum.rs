//! Einstein's summation and `tensordot`: composed of views, sums and matrix products.

use super::{
    Case,
    case::{Reference, Smooth},
    fits,
};
use crate::{Error, Result, Shape, Tensor};

/// Names an axis: axes of one label have one size and are walked together.
type Label = u32;

/// The first label of the axes that `...` stands for, counted from the last one.
const ELLIPSIS: Label = 0x0011_0000;

/// A parsed equation: the labels of each operand, and those of the result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Equation {
    operands: Vec<Vec<Label>>,
    result: Vec<Label>,
}

/// A tensor with names for its axes.
struct Term {
    tensor: Tensor,
    labels: Vec<Label>,
}

impl Equation {
    /// Reads `"ab,bc->ac"`. Without an arrow the result has `...` and then, sorted, the letters that stand there once.
    pub fn parse(text: &str) -> Result<Self> {
        let (left, right) = text.split_once("->").map_or((text, None), |(left, right)| (left, Some(right)));
        let operands: Vec<Vec<Label>> = left.split(',').map(|part| labels(part, text)).collect::<Result<_>>()?;
        let mut all: Vec<Label> = operands.concat();
        all.sort_unstable_by_key(|&label| (label != ELLIPSIS, label));
        let result = match right {
            Some(right) => labels(right, text)?,
            None => all.chunk_by(|a, b| a == b).filter(|same| same.len() == 1 || same[0] == ELLIPSIS).map(|same| same[0]).collect(),
        };
        for (at, label) in result.iter().enumerate() {
            if !all.contains(label) || result[..at].contains(label) {
                return Err(Error::invalid(format!(
                    "einsum: the result of {text:?} names each axis of the operands at most once, and no other"
                )));
            }
        }
        Ok(Self { operands, result })
    }

    /// The labels of input, kernel and output of a layer whose input has `rank` axes.
    ///
    /// # Errors
    /// When the equation is none of a layer.
    pub fn of_layer(&self, rank: usize) -> Result<[Vec<Label>; 3]> {
        let [input, kernel] = &self.operands[..] else {
            return Err(Error::invalid("the equation of a layer has two parts before the arrow: \"ab,bc->ac\""));
        };
        let input = spelled_out(input, rank).ok_or_else(|| Error::shape(format!("an input of {rank} axes does not fit the equation")))?;
        let hidden = input.iter().filter(|&&label| label >= ELLIPSIS).count();
        Ok([input, kernel.clone(), self.result(hidden)])
    }

    /// The labels of the result where `...` stands for `hidden` axes.
    fn result(&self, hidden: usize) -> Vec<Label> {
        let hidden = if self.result.contains(&ELLIPSIS) { hidden } else { 1 };
        spelled_out(&self.result, self.result.len() + hidden - 1).unwrap_or_default()
    }

    /// The result for `operands`.
    pub fn apply(&self, operands: &[&Tensor]) -> Result<Tensor> {
        if operands.len() != self.operands.len() {
            return Err(Error::invalid(format!("einsum: {} tensors for an equation of {}", operands.len(), self.operands.len())));
        }
        let term = |(tensor, labels): (&&Tensor, &Vec<Label>)| -> Result<Term> {
            let labels = spelled_out(labels, tensor.rank())
                .ok_or_else(|| Error::shape(format!("einsum: {} labels for shape {}", labels.len(), tensor.shape())))?;
            Ok(Term { tensor: (*tensor).clone(), labels })
        };
        let mut terms = operands.iter().zip(&self.operands).map(term).collect::<Result<Vec<Term>>>()?.into_iter();
        let hidden = terms.as_slice().iter().flat_map(|term| &term.labels).filter(|&&label| label >= ELLIPSIS).max();
        let hidden = hidden.map_or(0, |&last| (last - ELLIPSIS + 1) as usize);
        let result = self.result(hidden);
        let mut whole = terms.next().expect("an equation has an operand");
        while let Some(next) = terms.next() {
            let later = |label: &Label| result.contains(label) || terms.as_slice().iter().any(|term| term.labels.contains(label));
            whole = whole.times(next, &later, &result)?;
        }
        Ok(whole.reduced(&|label| result.contains(label))?.ordered(&result))
    }
}

/// The labels of a part of `text`.
fn labels(part: &str, text: &str) -> Result<Vec<Label>> {
    let (mut out, mut rest) = (Vec::new(), part.trim());
    while let Some(letter) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("...").filter(|_| !out.contains(&ELLIPSIS)) {
            out.push(ELLIPSIS);
            rest = behind;
        } else if letter.is_ascii_alphabetic() || letter == ' ' {
            out.extend(Some(letter as Label).filter(|_| letter != ' '));
            rest = &rest[1..];
        } else {
            return Err(Error::invalid(format!(
                "einsum: {letter:?} in {text:?}; an equation looks like \"ab,bc->ac\" or \"...a,ab->...b\""
            )));
        }
    }
    Ok(out)
}

/// The labels of a tensor of `rank` axes, with one for each that `...` stands for; `None` where they do not fit.
fn spelled_out(labels: &[Label], rank: usize) -> Option<Vec<Label>> {
    let Some(at) = labels.iter().position(|&label| label == ELLIPSIS) else {
        return (labels.len() == rank).then(|| labels.to_vec());
    };
    let hidden = (rank + 1).checked_sub(labels.len())? as Label;
    Some([&labels[..at], &(0..hidden).map(|axis| ELLIPSIS + hidden - 1 - axis).collect::<Vec<_>>(), &labels[at + 1..]].concat())
}

impl Term {
    fn has(&self, label: &Label) -> bool {
        self.labels.contains(label)
    }

    /// The size of an axis, 1 where there is none.
    fn size(&self, label: Label) -> usize {
        self.labels.iter().position(|&own| own == label).map_or(1, |axis| self.tensor.shape()[axis])
    }

    /// This with its axes in the order of `labels`; those that it lacks have size one.
    fn ordered(&self, labels: &[Label]) -> Tensor {
        let own: Vec<isize> =
            labels.iter().filter_map(|label| self.labels.iter().position(|own| own == label)).map(|axis| axis as isize).collect();
        let shape: Shape = labels.iter().map(|&label| self.size(label)).collect();
        self.tensor.permute(&own).reshape(shape)
    }

    /// This without repeated labels, and summed over all that nobody needs any more.
    fn reduced(mut self, later: &dyn Fn(&Label) -> bool) -> Result<Term> {
        while let Some((first, second)) = repeated(&self.labels) {
            let label = self.labels[first];
            if self.tensor.shape()[first] != self.tensor.shape()[second] {
                return Err(Error::shape(format!("einsum: shape {} has no diagonal along axes {first} and {second}", self.tensor.shape())));
            }
            let others = (0..self.labels.len()).filter(|axis| ![first, second].contains(axis));
            let order: Vec<isize> = others.chain([first, second]).map(|axis| axis as isize).collect();
            self.tensor = self.tensor.permute(&order).diagonal(0);
            self.labels.retain(|&own| own != label);
            self.labels.push(label);
        }
        let summed: Vec<isize> = (0..self.labels.len()).filter(|&axis| !later(&self.labels[axis])).map(|axis| axis as isize).collect();
        if !summed.is_empty() {
            self.tensor = self.tensor.sum(&summed);
            self.labels.retain(|label| later(label));
        }
        Ok(self)
    }

    /// The product with another term, summed over what is not needed `later`. The axes that only one of them has stand as in `result`.
    fn times(self, other: Term, later: &dyn Fn(&Label) -> bool, result: &[Label]) -> Result<Term> {
        let (a, b) = (self.reduced(&|label| later(label) || other.has(label))?, other);
        let b = b.reduced(&|label| later(label) || a.has(label))?;
        let alone = |one: &Term, other: &Term| one.labels.iter().copied().filter(|label| !other.has(label)).collect::<Vec<_>>();
        let place = |labels: &[Label]| labels.iter().filter_map(|label| result.iter().position(|of| of == label)).min();
        let (a, b) =
            if place(&alone(&b, &a)).is_some_and(|b_at| place(&alone(&a, &b)).is_some_and(|a_at| b_at < a_at)) { (b, a) } else { (a, b) };
        let (left, right) = (alone(&a, &b), alone(&b, &a));
        let (batch, summed): (Vec<Label>, Vec<Label>) = a.labels.iter().copied().filter(|label| b.has(label)).partition(later);
        for &label in batch.iter().chain(&summed) {
            let (one, two) = (a.size(label), b.size(label));
            if one != two && one != 1 && two != 1 {
                let (one, two) = (a.tensor.shape(), b.tensor.shape());
                return Err(Error::shape(format!("einsum: an axis that shapes {one} and {two} share has different sizes in them")));
            }
        }
        let labels = [&batch[..], &left, &right].concat();
        if summed.is_empty() {
            return Ok(Term { tensor: a.ordered(&labels) * b.ordered(&labels), labels });
        }
        let size = |label: Label| if a.size(label) == 1 { b.size(label) } else { a.size(label) };
        let sizes = |labels: &[Label]| labels.iter().map(|&label| size(label)).collect::<Vec<usize>>();
        let product = |labels: &[Label]| sizes(labels).iter().product::<usize>();
        let (rows, inner, columns) = (product(&left), product(&summed), product(&right));
        let whole = |term: &Term, first: &[Label], second: &[Label], matrix: [usize; 2]| {
            let order = [&batch[..], first, second].concat();
            let lead = if batch.is_empty() { vec![] } else { vec![product(&batch)] };
            term.ordered(&order).broadcast_to(sizes(&order)).reshape([&lead[..], &matrix].concat())
        };
        let tensor = whole(&a, &left, &summed, [rows, inner]).matmul(&whole(&b, &summed, &right, [inner, columns]));
        Ok(Term { tensor: tensor.reshape(sizes(&labels)), labels })
    }
}

/// Two axes of one label.
fn repeated(labels: &[Label]) -> Option<(usize, usize)> {
    (0..labels.len()).find_map(|second| Some((labels[..second].iter().position(|label| *label == labels[second])?, second)))
}

impl Tensor {
    /// Einstein's summation: the product of `operands`, whose axes the equation names, summed over the letters that the result
    /// lacks. `...` stands for any leading axes, which broadcast; a letter that one operand has twice takes its diagonal.
    /// Several operands are multiplied from left to right.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let (x, kernel) = (Tensor::ones([2, 3, 4]), Tensor::ones([4, 5]));
    /// assert_eq!(Tensor::einsum("btd,de->bte", &[&x, &kernel])?.shape()[..], [2, 3, 5]);
    /// assert_eq!(Tensor::einsum("ii", &[&Tensor::eye(3)])?.item::<f32>()?, 3.0);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the equation does not fit the operands.
    #[doc(alias = "keras.ops.einsum")]
    pub fn einsum(equation: &str, operands: &[&Tensor]) -> Result<Tensor> {
        if let Some(symbol) = crate::graph::symbolic("einsum", operands, &[equation.into()]) {
            return Ok(symbol);
        }
        Equation::parse(equation)?.apply(operands)
    }

    /// The product of two tensors, summed over pairs of axes, one of each list: what is left of the first, then of the other.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let (x, y) = (Tensor::ones([2, 3, 4]), Tensor::ones([4, 3, 5]));
    /// assert_eq!(x.tensordot(&y, &[1, 2], &[1, 0]).to_vec::<f32>()?, [12.0; 10]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the lists differ in length, or the sizes of paired axes differ.
    #[doc(alias = "keras.ops.tensordot")]
    #[track_caller]
    pub fn tensordot(&self, other: &Tensor, axes: &[isize], other_axes: &[isize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("tensordot", &[self, other], &[vec![axes.to_vec(), other_axes.to_vec()].into()]) {
            return symbol;
        }
        super::require(axes.len() == other_axes.len(), format_args!("tensordot: axes {axes:?} and {other_axes:?} are not in pairs"));
        let pair = |(&one, &two)| Ok([self.shape().axis(one)?, other.shape().axis(two)?]);
        let pairs = axes.iter().zip(other_axes).map(pair).collect::<Result<Vec<_>>>();
        fits(pairs.and_then(|pairs| self.dot_along(other, &[], &pairs)), "tensordot")
    }

    /// [`Tensor::tensordot`] over the pairs of axes `summed`, for each element of the pairs `batch`, which come first in the result.
    pub(crate) fn dot_along(&self, other: &Tensor, batch: &[[usize; 2]], summed: &[[usize; 2]]) -> Result<Tensor> {
        let pairs = [batch, summed].concat();
        let mut labels: Vec<Label> = (0..(self.rank() + other.rank()) as Label).collect();
        for &[one, two] in &pairs {
            if self.shape()[one] != other.shape()[two] {
                let (own, others) = (self.shape(), other.shape());
                return Err(Error::shape(format!("axis {one} of shape {own} and axis {two} of shape {others} differ in size")));
            }
            labels[self.rank() + two] = one as Label;
        }
        let alone = labels.iter().filter(|&&label| pairs.iter().all(|pair| pair[0] as Label != label));
        let result = batch.iter().map(|pair| pair[0] as Label).chain(alone.copied()).collect();
        let (own, others) = labels.split_at(self.rank());
        Equation { operands: vec![own.to_vec(), others.to_vec()], result }.apply(&[self, other])
    }
}

/// The sums of all products, index by index. `equation` has an arrow and no `...`.
fn summed(equation: &str, operands: &[Reference]) -> Reference {
    let (left, right) = equation.split_once("->").expect("an arrow");
    let mut sizes = std::collections::BTreeMap::new();
    for (part, operand) in left.split(',').zip(operands) {
        part.chars().zip(operand.shape()).for_each(|(letter, &size)| _ = sizes.insert(letter, size));
    }
    let places = |part: &str, at: &std::collections::BTreeMap<char, usize>| part.chars().map(|letter| at[&letter]).collect::<Vec<_>>();
    let mut out = Reference::zeros(places(right, &sizes));
    for number in 0..sizes.values().product() {
        let (mut at, mut rest) = (sizes.clone(), number);
        for place in at.values_mut() {
            (*place, rest) = (rest % *place, rest / *place);
        }
        let factor = |(part, operand): (&str, &Reference)| operand[&places(part, &at)[..]];
        out[&places(right, &at)[..]] += left.split(',').zip(operands).map(factor).product::<f64>();
    }
    out
}

pub(super) fn cases() -> Vec<Case> {
    let table: &[(&str, &str, &[&[usize]])] = &[
        ("ab,bc->ac", "ab,bc->ac", &[&[3, 4], &[4, 5]]),
        ("ab,cb", "ab,cb->ac", &[&[3, 4], &[5, 4]]),
        ("abc,cde->abde", "abc,cde->abde", &[&[2, 3, 4], &[4, 2, 3]]),
        ("aecd,abcd->acbe", "aecd,abcd->acbe", &[&[2, 5, 3, 4], &[2, 6, 3, 4]]),
        ("acbe,aecd->abcd", "acbe,aecd->abcd", &[&[2, 3, 6, 5], &[2, 5, 3, 4]]),
        ("...a,ab->...b", "xya,ab->xyb", &[&[2, 3, 4], &[4, 5]]),
        ("a...,ab->...b", "axy,ab->xyb", &[&[4, 2, 3], &[4, 5]]),
        ("ba,...a", "ba,xa->xb", &[&[3, 4], &[2, 4]]),
        ("ii->i", "ii->i", &[&[4, 4]]),
        ("iji", "iji->j", &[&[3, 2, 3]]),
        ("abc->ca", "abc->ca", &[&[2, 3, 4]]),
        ("a,b->ba", "a,b->ba", &[&[3], &[4]]),
        ("ab,ab->", "ab,ab->", &[&[3, 4], &[3, 4]]),
        ("abc, cd, db -> ad", "abc,cd,db->ad", &[&[2, 3, 4], &[4, 5], &[5, 3]]),
        ("ab,a->ab", "ab,a->ab", &[&[3, 4], &[3]]),
        ("ab,bc->ac of nothing", "ab,bc->ac", &[&[3, 0], &[0, 2]]),
    ];
    let mut out = Vec::new();
    for &(equation, spelled_out, shapes) in table {
        let text = equation.trim_end_matches(" of nothing");
        let mut case = Case::new(format!("einsum {equation}"), shapes, |x| x[0].clone(), |x| summed(spelled_out, x));
        case.call = Box::new(move |x| Ok(vec![Tensor::einsum(text, &x.iter().collect::<Vec<_>>())?]));
        out.push(if shapes[0].contains(&0) { case.smooth(Smooth::No) } else { case.smooth(Smooth::Twice) });
    }
    // Axes of size one behind `...` broadcast.
    let mut broadcast = Case::new(
        "einsum with broadcasting",
        &[&[2, 1, 4], &[3, 4]],
        |x| x[0].clone(),
        |x| summed("xa,ya->xy", &[x[0].clone().into_shape_with_order(vec![2, 4]).expect("as many elements"), x[1].clone()]),
    );
    broadcast.call = Box::new(|x| Ok(vec![Tensor::einsum("...a,...a->...", &[&x[0], &x[1]])?]));
    out.push(broadcast.smooth(Smooth::Twice));
    let dot = |x: &[Tensor]| x[0].tensordot(&x[1], &[1, -1], &[-1, 0]);
    out.push(Case::new("tensordot", &[&[2, 3, 4], &[4, 5, 3]], dot, |x| summed("abc,cdb->ad", x)).smooth(Smooth::Twice));
    out.push(
        Case::new("tensordot outer", &[&[2], &[3]], |x| x[0].tensordot(&x[1], &[], &[]), |x| summed("a,b->ab", x)).smooth(Smooth::Twice),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equation_that_does_not_fit_says_why() {
        let error = |equation: &str, shapes: &[&[usize]]| {
            let tensors: Vec<Tensor> = shapes.iter().map(|&shape| Tensor::zeros(shape)).collect();
            Tensor::einsum(equation, &tensors.iter().collect::<Vec<_>>()).unwrap_err().to_string()
        };
        for (equation, shapes, text) in [
            ("ab-bc", &[&[2, 3][..], &[3, 2]][..], "'-'"),
            ("ab->c", &[&[2, 3]], "names each axis"),
            ("ab->aa", &[&[2, 3]], "names each axis"),
            ("ab,bc->ac", &[&[2, 3]], "1 tensors for an equation of 2"),
            ("abc", &[&[2, 3]], "3 labels for shape (2, 3)"),
            ("ab,bc->ac", &[&[2, 3], &[4, 2]], "different sizes"),
            ("aa", &[&[2, 3]], "no diagonal"),
            ("......a", &[&[2, 3]], "'.'"),
        ] {
            assert!(error(equation, shapes).contains(text), "{equation}: {}", error(equation, shapes));
        }
    }
}
