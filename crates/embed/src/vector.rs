//! A vector of a text, exact and as it is kept.

/// What a text means, as a direction: its length is 1, so that the product of two is the cosine between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector(Box<[f32]>);

impl Vector {
    /// This direction; nothing but zeroes stays as it is.
    pub(crate) fn unit(mut values: Vec<f32>) -> Self {
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            values.iter_mut().for_each(|value| *value /= length);
        }
        Self(values.into())
    }

    /// Its numbers.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// The cosine of the angle between them, from -1 to 1; 1 is the same direction.
    pub fn cosine(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(one, two)| one * two).sum()
    }

    /// The same with one byte for each number: a quarter of the room, and cosines that differ in the third digit.
    pub fn compact(&self) -> Compact {
        let most = self.0.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        let scale = if most > 0.0 { most / f32::from(i8::MAX) } else { 1.0 };
        #[expect(clippy::cast_possible_truncation, reason = "it is between -127 and 127")]
        let steps = self.0.iter().map(|value| (value / scale).round() as i8).collect();
        Compact { scale, steps }
    }
}

/// A vector with one byte for each of its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Compact {
    scale: f32,
    steps: Box<[i8]>,
}

impl Compact {
    /// The cosine of the angle to this vector, to about two digits behind the point.
    pub fn cosine(&self, other: &Vector) -> f32 {
        self.scale * self.steps.iter().zip(&other.0).map(|(step, value)| f32::from(*step) * value).sum::<f32>()
    }

    /// How many bytes a vector with so many numbers has.
    pub fn bytes(dimensions: usize) -> usize {
        size_of::<f32>() + dimensions
    }

    /// As bytes: four for the scale, one for each number.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.scale.to_le_bytes().into_iter().chain(self.steps.iter().map(|step| step.cast_unsigned())).collect()
    }

    /// What [`Compact::to_bytes`] wrote of a vector with so many numbers; `None` if these bytes are not that.
    pub fn from_bytes(bytes: &[u8], dimensions: usize) -> Option<Self> {
        let (scale, steps) = bytes.split_first_chunk::<4>()?;
        let scale = f32::from_le_bytes(*scale);
        let right = steps.len() == dimensions && scale.is_finite() && scale > 0.0;
        right.then(|| Self { scale, steps: steps.iter().map(|step| step.cast_signed()).collect() })
    }
}
