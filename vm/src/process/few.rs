//! A map that mostly has few entries, as those of a process's relations do: up to [`FEW`] stand in a row and are gone
//! through one by one, without hashing and mostly without memory of their own; more are found by a hash.

use std::hash::Hash;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

/// The most entries that are gone through one by one.
const FEW: usize = 8;

type Row<K, V> = SmallVec<[(K, V); 1]>;
type Map<K, V> = HashMap<K, V, FxBuildHasher>;

/// The map.
pub struct FewMap<K, V> {
    row: Row<K, V>,
    /// Where there are more than [`FEW`]; the row is empty then.
    many: Option<Box<Map<K, V>>>,
}

impl<K, V> Default for FewMap<K, V> {
    fn default() -> FewMap<K, V> {
        FewMap {
            row: Row::new(),
            many: None,
        }
    }
}

impl<K: Copy + Eq + Hash, V> FewMap<K, V> {
    /// How many entries there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        match &self.many {
            None => self.row.len(),
            Some(many) => many.len(),
        }
    }

    fn place(&self, key: &K) -> Option<usize> {
        self.row.iter().position(|(other, _)| other == key)
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        match &self.many {
            None => self.place(key).map(|at| &self.row[at].1),
            Some(many) => many.get(key),
        }
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        match &mut self.many {
            None => (self.row.iter_mut())
                .find(|(other, _)| other == key)
                .map(|(_, value)| value),
            Some(many) => many.get_mut(key),
        }
    }

    /// Sets the value of a key; the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(old) = self.get_mut(&key) {
            return Some(std::mem::replace(old, value));
        }
        if self.many.is_none() && self.row.len() >= FEW {
            self.many = Some(Box::new(self.row.drain(..).collect()));
        }
        match &mut self.many {
            None => self.row.push((key, value)),
            Some(many) => {
                many.insert(key, value);
            }
        }
        None
    }

    /// Takes a key out; the value that it had.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        match &mut self.many {
            None => self.place(key).map(|at| self.row.swap_remove(at).1),
            Some(many) => {
                let value = many.remove(key);
                if many.is_empty() {
                    self.many = None;
                }
                value
            }
        }
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let row = self.row.iter().map(|(key, value)| (key, value));
        row.chain(self.many.iter().flat_map(|many| many.iter()))
    }

    /// All values, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let row = self.row.iter_mut().map(|(_, value)| value);
        row.chain(self.many.iter_mut().flat_map(|many| many.values_mut()))
    }

    /// Bytes beside the map itself.
    pub fn allocation_size(&self) -> usize {
        let row = match self.row.spilled() {
            true => self.row.capacity() * size_of::<(K, V)>(),
            false => 0,
        };
        row + (self.many.as_ref()).map_or(0, |many| size_of::<Map<K, V>>() + many.allocation_size())
    }
}

/// Takes all entries out of a map, one after the other.
pub struct Drained<K, V> {
    row: smallvec::IntoIter<[(K, V); 1]>,
    many: Option<hashbrown::hash_map::IntoIter<K, V>>,
}

impl<K, V> Drained<K, V> {
    /// Of a map; none for no entries.
    pub fn of(map: FewMap<K, V>) -> Drained<K, V> {
        Drained {
            row: map.row.into_iter(),
            many: map.many.map(|many| (*many).into_iter()),
        }
    }
}

impl<K, V> Iterator for Drained<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        self.row.next().or_else(|| self.many.as_mut()?.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_map_with_few_and_with_many() {
        let mut map = FewMap::default();
        let mut model = std::collections::BTreeMap::new();
        let mut seed = 7_u64;
        for step in 0..5000_u64 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1);
            // Waves of many keys and of few.
            let key = (seed >> 33) % if step % 1000 < 500 { 6 } else { 40 };
            if seed >> 63 == 0 {
                assert_eq!(map.insert(key, step), model.insert(key, step));
            } else {
                assert_eq!(map.remove(&key), model.remove(&key));
            }
            assert_eq!(map.get(&key), model.get(&key));
            assert_eq!(map.len(), model.len());
        }
        map.values_mut().for_each(|value| *value += 1);
        model.values_mut().for_each(|value| *value += 1);
        let mut entries: Vec<_> = map.iter().map(|(key, value)| (*key, *value)).collect();
        entries.sort_unstable();
        assert_eq!(entries, Vec::from_iter(model.clone()));
        let mut drained = Vec::from_iter(Drained::of(map));
        drained.sort_unstable();
        assert_eq!(drained, Vec::from_iter(model));
    }
}
