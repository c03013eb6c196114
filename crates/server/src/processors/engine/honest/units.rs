//! What a number counts: units, currencies, and the words that make it larger.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::ratio::{Ratio, power_of_ten};

/// A unit, by what it measures and by how many of the smallest it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::processors) struct Unit {
    /// `length`, `percent`, `USD`.
    pub(super) kind: &'static str,
    /// How many of the kind's own unit it is.
    size: (i128, i128),
}

impl Unit {
    pub(super) fn size(self) -> Ratio {
        Ratio::new(self.size.0, self.size.1).unwrap_or(Ratio::whole(1))
    }

    /// Whether two units measure the same. A dollar without a country may be any dollar.
    pub(super) fn is_like(self, other: Self) -> bool {
        let dollar = |kind: &str| DOLLARS.contains(&kind);
        self.kind == other.kind
            || self.kind == "$" && dollar(other.kind)
            || other.kind == "$" && dollar(self.kind)
            || self.kind == "pound" && matches!(other.kind, "GBP" | "mass")
            || other.kind == "pound" && matches!(self.kind, "GBP" | "mass")
    }
}

const DOLLARS: &[&str] = &["USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD"];

/// Names in lower case without accents, what they measure, and by how much; the names of one entry mean the same.
#[rustfmt::skip]
const UNITS: &[(&[&str], &str, (i128, i128))] = &[
    (&["%", "percent", "per cent", "pct", "prozent", "pour cent", "por ciento", "per cento", "procent"], "percent", (1, 1)),
    (&["percentage points", "percentage point", "pp", "ppt", "prozentpunkte"], "points", (1, 1)),
    (&["mm", "millimeters", "millimeter", "millimetres", "millimetre"], "length", (1, 1000)),
    (&["cm", "centimeters", "centimeter", "centimetres", "centimetre"], "length", (1, 100)),
    (&["m", "meters", "meter", "metres", "metre", "metros", "metri"], "length", (1, 1)),
    (&["km", "kilometers", "kilometer", "kilometres", "kilometre", "kms", "kilometros", "chilometri"], "length", (1000, 1)),
    (&["mi", "miles", "mile"], "miles", (1, 1)),
    (&["ft", "feet", "foot"], "feet", (1, 1)),
    (&["in", "inches", "inch"], "inches", (1, 1)),
    (&["yd", "yards", "yard"], "yards", (1, 1)),
    (&["nautical miles", "nautical mile", "nm", "nmi"], "nautical miles", (1, 1)),
    (&["m2", "sq m", "square meters", "square meter", "square metres", "square metre", "qm"], "area", (1, 1)),
    (&["ha", "hectares", "hectare", "hektar"], "area", (10_000, 1)),
    (&["km2", "sq km", "square kilometers", "square kilometer", "square kilometres", "square kilometre",
       "quadratkilometer", "qkm"], "area", (1_000_000, 1)),
    (&["sq mi", "square miles", "square mile", "mi2"], "square miles", (1, 1)),
    (&["sq ft", "square feet", "square foot", "ft2"], "square feet", (1, 1)),
    (&["acres", "acre"], "acres", (1, 1)),
    (&["m3", "cubic meters", "cubic meter", "cubic metres", "cubic metre", "cu m"], "cubic meters", (1, 1)),
    (&["km3", "cubic kilometers", "cubic kilometres", "cu km"], "cubic meters", (1_000_000_000, 1)),
    (&["ml", "milliliters", "millilitres"], "volume", (1, 1000)),
    (&["l", "liters", "liter", "litres", "litre"], "volume", (1, 1)),
    (&["barrels", "barrel", "bbl"], "barrels", (1, 1)),
    (&["gallons", "gallon", "gal"], "gallons", (1, 1)),
    (&["mg", "milligrams", "milligram"], "mass", (1, 1000)),
    (&["g", "grams", "gram"], "mass", (1, 1)),
    (&["kg", "kilograms", "kilogram", "kilos", "kilo", "kilogramm"], "mass", (1000, 1)),
    (&["t", "tonnes", "tonne", "metric tons", "metric ton", "tonnen"], "mass", (1_000_000, 1)),
    (&["tons", "ton"], "tons", (1, 1)),
    (&["lb", "lbs"], "pound", (1, 1)),
    (&["oz", "ounces", "ounce"], "ounces", (1, 1)),
    (&["ms", "milliseconds", "millisecond"], "time", (1, 1000)),
    (&["s", "sec", "secs", "seconds", "second", "sekunden"], "time", (1, 1)),
    (&["min", "mins", "minutes", "minute", "minuten"], "time", (60, 1)),
    (&["h", "hr", "hrs", "hours", "hour", "stunden", "heures", "horas"], "time", (3600, 1)),
    (&["days", "day", "tage", "tagen", "jours", "dias"], "time", (86_400, 1)),
    (&["weeks", "week", "wochen", "semaines", "semanas"], "time", (604_800, 1)),
    (&["months", "month", "monate", "monaten", "mois", "meses"], "months", (1, 1)),
    (&["years", "year", "yrs", "yr", "jahre", "jahren", "ans", "anos"], "years", (1, 1)),
    (&["km/h", "kph", "kmh", "kilometers per hour", "kilometres per hour"], "km/h", (1, 1)),
    (&["mph", "miles per hour"], "mph", (1, 1)),
    (&["m/s", "meters per second", "metres per second"], "m/s", (1, 1)),
    (&["°c", "degrees celsius", "degree celsius", "deg c", "c"], "°C", (1, 1)),
    (&["°f", "degrees fahrenheit", "degree fahrenheit", "deg f", "f"], "°F", (1, 1)),
    (&["kelvin"], "kelvin", (1, 1)),
    (&["°", "degrees", "degree"], "degrees", (1, 1)),
    (&["w", "watts", "watt"], "power", (1, 1)),
    (&["kw", "kilowatts", "kilowatt"], "power", (1000, 1)),
    (&["mw", "megawatts", "megawatt"], "power", (1_000_000, 1)),
    (&["gw", "gigawatts", "gigawatt"], "power", (1_000_000_000, 1)),
    (&["tw", "terawatts"], "power", (1_000_000_000_000, 1)),
    (&["kwh", "kilowatt hours", "kilowatt-hours"], "energy", (1000, 1)),
    (&["mwh", "megawatt hours", "megawatt-hours"], "energy", (1_000_000, 1)),
    (&["gwh", "gigawatt hours", "gigawatt-hours"], "energy", (1_000_000_000, 1)),
    (&["twh", "terawatt hours", "terawatt-hours"], "energy", (1_000_000_000_000, 1)),
    (&["hz", "hertz"], "frequency", (1, 1)),
    (&["khz", "kilohertz"], "frequency", (1000, 1)),
    (&["mhz", "megahertz"], "frequency", (1_000_000, 1)),
    (&["ghz", "gigahertz"], "frequency", (1_000_000_000, 1)),
    (&["bytes", "byte"], "bytes", (1, 1)),
    (&["kb", "kilobytes", "kilobyte"], "bytes", (1000, 1)),
    (&["mb", "megabytes", "megabyte"], "bytes", (1_000_000, 1)),
    (&["gb", "gigabytes", "gigabyte"], "bytes", (1_000_000_000, 1)),
    (&["tb", "terabytes", "terabyte"], "bytes", (1_000_000_000_000, 1)),
    (&["us$", "usd", "us dollars", "us dollar", "u.s. dollars", "u.s. dollar"], "USD", (1, 1)),
    (&["$", "dollars", "dollar"], "$", (1, 1)),
    (&["c$", "ca$", "cad", "canadian dollars"], "CAD", (1, 1)),
    (&["a$", "au$", "aud", "australian dollars"], "AUD", (1, 1)),
    (&["nz$", "nzd", "new zealand dollars"], "NZD", (1, 1)),
    (&["hk$", "hkd", "hong kong dollars"], "HKD", (1, 1)),
    (&["s$", "sgd", "singapore dollars"], "SGD", (1, 1)),
    (&["nt$", "twd"], "TWD", (1, 1)),
    (&["cents", "cent"], "cents", (1, 1)),
    (&["€", "eur", "euros", "euro"], "EUR", (1, 1)),
    (&["£", "gbp", "pounds sterling", "sterling"], "GBP", (1, 1)),
    (&["pounds", "pound"], "pound", (1, 1)),
    (&["¥", "jpy", "yen"], "JPY", (1, 1)),
    (&["cny", "rmb", "yuan", "renminbi"], "CNY", (1, 1)),
    (&["₹", "rs", "inr", "indian rupees", "rupees", "rupee"], "INR", (1, 1)),
    (&["chf", "swiss francs", "swiss franc", "francs"], "CHF", (1, 1)),
    (&["r$", "brl", "reais"], "BRL", (1, 1)),
    (&["₩", "krw", "won"], "KRW", (1, 1)),
    (&["₽", "rub", "rubles", "roubles"], "RUB", (1, 1)),
    (&["₺", "try", "lira"], "TRY", (1, 1)),
    (&["₫", "vnd", "dong"], "VND", (1, 1)),
    (&["₴", "uah", "hryvnia", "hryvnias"], "UAH", (1, 1)),
    (&["sek", "swedish kronor", "kronor"], "SEK", (1, 1)),
    (&["nok", "norwegian kroner"], "NOK", (1, 1)),
    (&["dkk", "danish kroner"], "DKK", (1, 1)),
    (&["kroner", "krone", "kr"], "kroner", (1, 1)),
    (&["pln", "zloty", "zlotys"], "PLN", (1, 1)),
    (&["mxn", "mexican pesos"], "MXN", (1, 1)),
    (&["pesos", "peso"], "pesos", (1, 1)),
    (&["zar", "rand"], "ZAR", (1, 1)),
];

/// Names of scales in lower case, and how many tens they are made of.
#[rustfmt::skip]
const SCALES: &[(&[&str], usize)] = &[
    (&["hundred"], 2),
    (&["thousand", "k", "tausend", "mille", "mil", "千"], 3),
    (&["万", "萬"], 4),
    (&["lakh", "lakhs"], 5),
    (&["million", "millions", "mn", "mln", "mio", "millionen", "millones", "milioni", "milhoes", "miljoner", "miljoen"], 6),
    (&["crore", "crores"], 7),
    (&["亿", "億"], 8),
    (&["billion", "billions", "bn", "bln", "mrd", "milliarden", "milliarde", "milliards", "milliard", "miliardi", "bilhoes",
       "miljarder", "miljard"], 9),
    (&["trillion", "trillions", "tn", "trn", "兆"], 12),
];

/// A unit at the beginning of a text in lower case, and how many characters it takes. The longest name is taken.
pub(super) fn unit_at(text: &[char]) -> Option<(Unit, usize)> {
    static BY_FIRST: LazyLock<HashMap<char, Vec<(&str, Unit)>>> = LazyLock::new(|| {
        let mut by_first: HashMap<char, Vec<(&str, Unit)>> = HashMap::new();
        for (names, kind, size) in UNITS {
            for name in *names {
                let first = name.chars().next().unwrap_or_default();
                by_first.entry(first).or_default().push((name, Unit { kind, size: *size }));
            }
        }
        by_first.values_mut().for_each(|list| list.sort_by_key(|(name, _)| Reverse(name.len())));
        by_first
    });
    let (name, unit) = BY_FIRST.get(text.first()?)?.iter().find(|(name, _)| stands(text, name))?;
    Some((*unit, name.chars().count()))
}

/// The currency that a text in lower case ends with, and how many characters it takes.
pub(super) fn currency_before(text: &[char]) -> Option<(Unit, usize)> {
    let money = |name: &str| {
        name.ends_with(['$', '€', '£', '¥', '₹', '₩', '₽', '₺', '₫', '₴']) || name.len() == 3 || name == "rs"
    };
    let from = UNITS.iter().position(|(_, kind, _)| *kind == "USD").unwrap_or(0);
    let named =
        UNITS[from..].iter().flat_map(|(names, kind, size)| names.iter().map(move |name| (*name, *kind, *size)));
    let ends = |name: &str| {
        let length = name.chars().count();
        let begins = text.len().checked_sub(length);
        let is_word = name.starts_with(char::is_alphabetic);
        begins.is_some_and(|at| {
            text[at..].iter().copied().eq(name.chars())
                && !(is_word && at.checked_sub(1).is_some_and(|before| text[before].is_alphanumeric()))
        })
    };
    let found = named.filter(|(name, ..)| money(name) && ends(name)).max_by_key(|(name, ..)| name.len());
    found.map(|(name, kind, size)| (Unit { kind, size }, name.chars().count()))
}

/// A scale at the beginning of a text in lower case, and how many characters it takes.
pub(super) fn scale_at(text: &[char]) -> Option<(Ratio, usize)> {
    let named = SCALES.iter().flat_map(|(names, tens)| names.iter().map(move |name| (name, *tens)));
    let found = named.filter(|(name, _)| stands(text, name)).max_by_key(|(name, _)| name.len());
    found.and_then(|(name, tens)| Some((Ratio::whole(power_of_ten(tens)?), name.chars().count())))
}

/// Whether a text begins with this name and does not go on with its letters.
fn stands(text: &[char], name: &str) -> bool {
    let mut rest = text.iter();
    let is_here = name.chars().all(|c| rest.next() == Some(&c));
    let ends_in_letter = name.ends_with(|c: char| c.is_alphanumeric() && c.is_ascii());
    is_here && !(ends_in_letter && rest.next().is_some_and(|c| c.is_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<&'static str> {
        unit_at(&text.chars().collect::<Vec<_>>()).map(|(unit, _)| unit.kind)
    }

    #[test]
    fn the_longest_name_is_the_unit() {
        assert_eq!(kind("square kilometers of"), Some("area"));
        assert_eq!(kind("km/h on"), Some("km/h"));
        assert_eq!(kind("percentage points"), Some("points"));
        assert_eq!(kind("%"), Some("percent"));
        assert_eq!(kind("mango"), None);
    }

    #[test]
    fn a_currency_stands_before_its_number() {
        let before = |text: &str| currency_before(&text.chars().collect::<Vec<_>>()).map(|(unit, _)| unit.kind);
        assert_eq!(before("about us$"), Some("USD"));
        assert_eq!(before("about $"), Some("$"));
        assert_eq!(before("eur"), Some("EUR"));
        assert_eq!(before("no entry"), None, "a word that ends like one");
    }

    #[test]
    fn a_dollar_may_be_any_dollar() {
        let unit = |text: &str| unit_at(&text.chars().collect::<Vec<_>>()).unwrap().0;
        assert!(unit("dollars").is_like(unit("cad")) && !unit("usd").is_like(unit("cad")));
        assert!(!unit("euros").is_like(unit("dollars")));
    }
}
