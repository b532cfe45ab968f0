//! What things take of the memory: for caches that are bounded in bytes and hold a great number of things.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Estimates what an allocation of so many bytes takes: nothing for none; else allocators round up, by an eighth on average.
///
/// # Examples
///
/// ```
/// assert_eq!([0, 1, 64, 1000].map(claims::allocated), [0, 9, 80, 1133]);
/// ```
pub const fn allocated(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { bytes + bytes / 8 + 8 }
}

/// Estimates the bytes of a list of texts.
pub fn texts_weight(texts: &[Box<str>]) -> usize {
    allocated(size_of_val(texts)) + texts.iter().map(|text| allocated(text.len())).sum::<usize>()
}

/// The last values of a kind that many things have in common, each kept once however many have it.
#[derive(Debug)]
pub struct Common<T: ?Sized>(Mutex<VecDeque<Arc<T>>>);

/// How many values are remembered: later ones push out earlier ones, which live on with whoever has them.
const MOST_COMMON: usize = 64;

impl<T: ?Sized> Common<T> {
    /// Returns the value that `is_it`, from those that are remembered if it is one of them; else it is made.
    pub fn share(&self, is_it: impl Fn(&T) -> bool, make: impl FnOnce() -> Arc<T>) -> Arc<T> {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = values.iter().find(|known| is_it(known)) {
            return Arc::clone(known);
        }
        let made = make();
        values.truncate(MOST_COMMON - 1);
        values.push_front(Arc::clone(&made));
        made
    }
}

impl<T: ?Sized> Default for Common<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(texts: &Common<str>, text: &str) -> Arc<str> {
        texts.share(|known| *known == *text, || text.into())
    }

    #[test]
    fn equal_values_are_kept_once_and_old_ones_forgotten() {
        let texts = Common::default();
        let first = share(&texts, "0");
        assert!(Arc::ptr_eq(&first, &share(&texts, "0")));
        (1..=MOST_COMMON).for_each(|number| drop(share(&texts, &number.to_string())));
        let again = share(&texts, "0");
        assert!(again == first && !Arc::ptr_eq(&first, &again));
        assert_eq!(texts.0.lock().unwrap().len(), MOST_COMMON);
    }
}
