//! The network: an encoder of the BERT family, computed row by row for several texts at once.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use crate::config::Config;
use crate::weights::Weights;

mod gelu;

use gelu::Gelu;

/// An encoder with its weights.
pub(crate) struct Bert {
    words: Array2<f32>,
    positions: Array2<f32>,
    /// The kind of a text; there is only the first here.
    kind: Array1<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    heads: usize,
    gelu: Gelu,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    joined: Linear,
    joined_norm: Norm,
    wide: Linear,
    narrow: Linear,
    norm: Norm,
}

impl Bert {
    /// The network of this configuration with these weights; an error says which do not fit.
    pub(crate) fn new(config: &Config, weights: &Weights<'_>) -> Result<Self, String> {
        let (size, wide, eps) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let linear = |name: String, inputs, outputs| Linear::new(weights, &name, inputs, outputs);
        let norm = |name: String| Norm::new(weights, &name, size, eps);
        let layer = |number: usize| {
            let at = format!("encoder.layer.{number}");
            Ok(Layer {
                query: linear(format!("{at}.attention.self.query"), size, size)?,
                key: linear(format!("{at}.attention.self.key"), size, size)?,
                value: linear(format!("{at}.attention.self.value"), size, size)?,
                joined: linear(format!("{at}.attention.output.dense"), size, size)?,
                joined_norm: norm(format!("{at}.attention.output.LayerNorm"))?,
                wide: linear(format!("{at}.intermediate.dense"), size, wide)?,
                narrow: linear(format!("{at}.output.dense"), wide, size)?,
                norm: norm(format!("{at}.output.LayerNorm"))?,
            })
        };
        let kinds = weights.matrix("embeddings.token_type_embeddings.weight", config.type_vocab_size, size)?;
        Ok(Self {
            words: weights.matrix("embeddings.word_embeddings.weight", config.vocab_size, size)?,
            positions: weights.matrix("embeddings.position_embeddings.weight", config.max_position_embeddings, size)?,
            kind: kinds.row(0).to_owned(),
            norm: norm("embeddings.LayerNorm".to_owned())?,
            layers: (0..config.num_hidden_layers).map(layer).collect::<Result<_, String>>()?,
            heads: config.num_attention_heads,
            gelu: Gelu::new(),
        })
    }

    /// How many numbers a token has.
    pub(crate) fn dimensions(&self) -> usize {
        self.words.ncols()
    }

    /// For each text the mean of what its tokens become. The tokens are known to the network, and no text is longer
    /// than its positions.
    pub(crate) fn pooled(&self, texts: &[Vec<u32>]) -> Vec<Vec<f32>> {
        let total = texts.iter().map(Vec::len).sum();
        let mut state = Array2::zeros((total, self.dimensions()));
        let tokens = texts.iter().flat_map(|text| text.iter().enumerate());
        for (mut row, (position, id)) in state.rows_mut().into_iter().zip(tokens) {
            row += &self.words.row(*id as usize);
            row += &self.positions.row(position);
            row += &self.kind;
        }
        self.norm.apply(&mut state);
        for layer in &self.layers {
            self.pass(layer, &mut state, texts);
        }
        let mut start = 0;
        let mean = |text: &Vec<u32>| {
            let rows = state.slice(s![start..start + text.len(), ..]);
            start += text.len();
            rows.mean_axis(Axis(0)).map(|mean| mean.to_vec()).unwrap_or_default()
        };
        texts.iter().map(mean).collect()
    }

    fn pass(&self, layer: &Layer, state: &mut Array2<f32>, texts: &[Vec<u32>]) {
        let (query, key, value) = (layer.query.of(state), layer.key.of(state), layer.value.of(state));
        let mut seen = Array2::zeros(state.dim());
        let width = self.dimensions() / self.heads;
        #[expect(clippy::cast_precision_loss, reason = "it is some dozens")]
        let scale = (width as f32).sqrt().recip();
        let mut start = 0;
        for text in texts {
            let rows = start..start + text.len();
            for head in 0..self.heads {
                let part = s![rows.clone(), head * width..(head + 1) * width];
                let mut looks = Array2::zeros((text.len(), text.len()));
                general_mat_mul(scale, &query.slice(part), &key.slice(part).t(), 0.0, &mut looks);
                softmax(&mut looks);
                general_mat_mul(1.0, &looks, &value.slice(part), 0.0, &mut seen.slice_mut(part));
            }
            start = rows.end;
        }
        *state += &layer.joined.of(&seen);
        layer.joined_norm.apply(state);
        let mut wide = layer.wide.of(state);
        wide.iter_mut().for_each(|value| *value = self.gelu.of(*value));
        *state += &layer.narrow.of(&wide);
        layer.norm.apply(state);
    }
}

/// A matrix and what is added behind it.
struct Linear {
    weight: Array2<f32>,
    bias: Array1<f32>,
}

impl Linear {
    fn new(weights: &Weights<'_>, name: &str, inputs: usize, outputs: usize) -> Result<Self, String> {
        let weight = weights.matrix(&format!("{name}.weight"), outputs, inputs)?;
        Ok(Self { weight, bias: weights.row(&format!("{name}.bias"), outputs)? })
    }

    fn of(&self, rows: &Array2<f32>) -> Array2<f32> {
        let mut out = Array2::zeros((rows.nrows(), self.bias.len()));
        out += &self.bias;
        let weight: ArrayView2<'_, f32> = self.weight.t();
        general_mat_mul(1.0, rows, &weight, 1.0, &mut out);
        out
    }
}

/// Makes every row have the mean and the spread that were learned.
struct Norm {
    weight: Array1<f32>,
    bias: Array1<f32>,
    eps: f32,
}

impl Norm {
    fn new(weights: &Weights<'_>, name: &str, size: usize, eps: f32) -> Result<Self, String> {
        let (weight, bias) =
            (weights.row(&format!("{name}.weight"), size)?, weights.row(&format!("{name}.bias"), size)?);
        Ok(Self { weight, bias, eps })
    }

    fn apply(&self, rows: &mut Array2<f32>) {
        for mut row in rows.rows_mut() {
            #[expect(clippy::cast_precision_loss, reason = "it is some hundreds")]
            let size = row.len() as f32;
            let mean = row.sum() / size;
            row -= mean;
            let spread = row.iter().map(|value| value * value).sum::<f32>() / size;
            row *= (spread + self.eps).sqrt().recip();
            row *= &self.weight;
            row += &self.bias;
        }
    }
}

/// Makes every row shares of one.
fn softmax(rows: &mut Array2<f32>) {
    for mut row in rows.rows_mut() {
        let most = row.iter().fold(f32::NEG_INFINITY, |most, value| most.max(*value));
        row.mapv_inplace(|value| (value - most).exp());
        let sum = row.sum();
        row /= sum;
    }
}
