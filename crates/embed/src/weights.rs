//! Named arrays in a file of the safetensors form: the length of a header, the header in JSON, and the numbers.

use std::collections::HashMap;

use ndarray::{Array1, Array2};
use serde::Deserialize;

/// Where an array lies, and what it is.
#[derive(Deserialize)]
struct Place {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

/// The arrays of a file.
pub(crate) struct Weights<'a> {
    places: HashMap<String, Place>,
    data: &'a [u8],
    /// What stands before the names in this file: some have been saved as a part of something larger.
    before: &'static str,
}

impl<'a> Weights<'a> {
    /// The file's header; an error says what is wrong with it.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or("it is too short")?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| "it is no safetensors file")?;
        let (header, data) =
            rest.split_at_checked(length).ok_or("it is no safetensors file, or only the beginning of one")?;
        let mut header: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(header).map_err(|error| format!("its header cannot be read: {error}"))?;
        header.remove("__metadata__");
        let places = header.into_iter().map(|(name, place)| Ok((name, serde_json::from_value(place)?)));
        let places: HashMap<String, Place> = places
            .collect::<Result<_, serde_json::Error>>()
            .map_err(|error| format!("its header cannot be read: {error}"))?;
        let before = if places.keys().any(|name| name.starts_with("bert.")) { "bert." } else { "" };
        Ok(Self { places, data, before })
    }

    /// A row of numbers of this length.
    pub(crate) fn row(&self, name: &str, length: usize) -> Result<Array1<f32>, String> {
        Ok(Array1::from_vec(self.numbers(name, &[length])?))
    }

    /// A matrix of this size.
    pub(crate) fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Array2<f32>, String> {
        let numbers = self.numbers(name, &[rows, columns])?;
        Array2::from_shape_vec((rows, columns), numbers).map_err(|error| error.to_string())
    }

    fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let full = format!("{}{name}", self.before);
        let place = self.places.get(&full).ok_or_else(|| format!("it has no {full}: it is not of the BERT family"))?;
        if place.dtype != "F32" {
            return Err(format!("{full} is {}, and only F32 is read", place.dtype));
        }
        if place.shape != shape {
            return Err(format!("{full} has the shape {:?}, and config.json makes it {shape:?}", place.shape));
        }
        let (start, end) = place.data_offsets;
        let bytes = self.data.get(start..end).ok_or("it is only the beginning of a file")?;
        let (chunks, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() || chunks.len() != shape.iter().product::<usize>() {
            return Err(format!("{full} has not as many numbers as its shape says"));
        }
        let numbers: Vec<f32> = chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
        // One of them would make every vector one that is close to nothing, and nobody would be told.
        if numbers.iter().all(|number| number.is_finite()) {
            Ok(numbers)
        } else {
            Err(format!("{full} has something in it that is no number"))
        }
    }
}
