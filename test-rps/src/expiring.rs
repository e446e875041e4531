//! A bounded map whose entries end at a deadline.
//!
//! Everything a stranger can make the portal remember is kept in one of these, so that no flood of
//! requests makes the process grow without end.

use std::collections::HashMap;

/// Entries by name, each with a deadline in seconds since 1970; at most `capacity` of them.
pub(crate) struct ExpiringMap<V> {
    capacity: usize,
    entries: HashMap<String, Entry<V>>,
}

struct Entry<V> {
    deadline: i64,
    value: V,
}

impl<V> ExpiringMap<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, entries: HashMap::new() }
    }

    /// Keeps `value` until `deadline`. At capacity the entry nearest its end makes room.
    pub(crate) fn insert(&mut self, name: String, value: V, deadline: i64, now: i64) {
        if self.entries.len() >= self.capacity && !self.entries.contains_key(&name) {
            self.entries.retain(|_, entry| entry.deadline > now);
            if self.entries.len() >= self.capacity {
                self.drop_soonest();
            }
        }
        self.entries.insert(name, Entry { deadline, value });
    }

    fn drop_soonest(&mut self) {
        let soonest = self.entries.iter().min_by_key(|(_, entry)| entry.deadline).map(|(name, _)| name.clone());
        if let Some(name) = soonest {
            self.entries.remove(&name);
        }
    }

    /// The living entry of that name.
    pub(crate) fn get(&self, name: &str, now: i64) -> Option<&V> {
        self.entries.get(name).filter(|entry| entry.deadline > now).map(|entry| &entry.value)
    }

    /// Moves the end of a living entry.
    pub(crate) fn renew(&mut self, name: &str, deadline: i64, now: i64) {
        if let Some(entry) = self.entries.get_mut(name)
            && entry.deadline > now
        {
            entry.deadline = deadline;
        }
    }

    /// Takes the entry out; `None` when it was not there or had ended.
    pub(crate) fn take(&mut self, name: &str, now: i64) -> Option<V> {
        self.entries.remove(name).filter(|entry| entry.deadline > now).map(|entry| entry.value)
    }

    /// Every living value, to be changed in place.
    pub(crate) fn living_mut(&mut self, now: i64) -> impl Iterator<Item = &mut V> {
        self.entries.values_mut().filter(move |entry| entry.deadline > now).map(|entry| &mut entry.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_end_at_their_deadline() {
        let mut map = ExpiringMap::new(4);
        map.insert("a".to_owned(), 1, 100, 0);
        assert_eq!(map.get("a", 99), Some(&1));
        assert_eq!(map.get("a", 100), None);
        map.renew("a", 200, 100);
        assert_eq!(map.get("a", 150), None, "what ended is not renewed");
        map.insert("b".to_owned(), 2, 100, 0);
        map.renew("b", 200, 50);
        assert_eq!(map.take("b", 150), Some(2));
        assert_eq!(map.take("b", 150), None);
    }

    #[test]
    fn a_full_map_drops_the_ended_then_the_soonest() {
        let mut map = ExpiringMap::new(2);
        map.insert("old".to_owned(), 0, 10, 0);
        map.insert("soon".to_owned(), 1, 50, 0);
        map.insert("late".to_owned(), 2, 90, 20);
        assert!(map.get("soon", 20).is_some() && map.get("late", 20).is_some());
        map.insert("next".to_owned(), 3, 95, 20);
        assert!(map.get("soon", 20).is_none());
        assert!(map.get("late", 20).is_some() && map.get("next", 20).is_some());
        assert_eq!(map.living_mut(20).count(), 2);
    }
}
