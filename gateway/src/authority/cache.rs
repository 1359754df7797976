//! What was found out a short while ago: so many things at the most, each for so long. Whoever asks for the same at the same
//! time waits for one answer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

/// By what something is known: a hash, so that each takes the same room, whatever was asked for.
pub(crate) type Key = [u8; 32];

/// See the module.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    entries: Mutex<Entries<V>>,
    /// For how long something is believed, counted from before it was asked for.
    time: Duration,
    most: usize,
}

#[derive(Debug)]
struct Entries<V> {
    by_key: HashMap<Key, Entry<V>>,
    /// In the order in which they were asked for, which is that in which they run out.
    order: VecDeque<(u64, Key)>,
    next: u64,
}

#[derive(Debug)]
struct Entry<V> {
    number: u64,
    until: Instant,
    found: Arc<OnceCell<V>>,
}

impl<V: Clone> Cache<V> {
    pub(crate) fn new(time: Duration, most: usize) -> Self {
        let entries = Entries { by_key: HashMap::new(), order: VecDeque::new(), next: 0 };
        Self { entries: Mutex::new(entries), time, most }
    }

    /// What is known, or what is found out now. What could not be found out is not kept.
    pub(crate) async fn get_or_find<E>(
        &self,
        key: Key,
        find: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        let found = self.place(key, Instant::now());
        found.get_or_try_init(|| find).await.cloned()
    }

    fn place(&self, key: Key, now: Instant) -> Arc<OnceCell<V>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.forget_what_ran_out(now);
        if let Some(entry) = entries.by_key.get(&key) {
            return Arc::clone(&entry.found);
        }
        if entries.by_key.len() >= self.most {
            entries.forget_the_oldest();
        }
        let (number, found) = (entries.next, Arc::default());
        entries.next += 1;
        entries.order.push_back((number, key));
        let entry = Entry { number, until: now + self.time, found: Arc::clone(&found) };
        entries.by_key.insert(key, entry);
        found
    }
}

impl<V> Entries<V> {
    fn forget_what_ran_out(&mut self, now: Instant) {
        while let Some((_, key)) = self.order.front() {
            if self.by_key.get(key).is_some_and(|entry| entry.until > now) {
                return;
            }
            self.forget_the_oldest();
        }
    }

    fn forget_the_oldest(&mut self) {
        let Some((number, key)) = self.order.pop_front() else { return };
        if self.by_key.get(&key).is_some_and(|entry| entry.number == number) {
            self.by_key.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const TIME: Duration = Duration::from_secs(10);

    fn key(number: u8) -> Key {
        [number; 32]
    }

    async fn ask(cache: &Cache<usize>, number: u8, asked: &AtomicUsize) -> usize {
        let find = async { Ok::<_, Infallible>(asked.fetch_add(1, Ordering::Relaxed)) };
        cache.get_or_find(key(number), find).await.unwrap_or_else(|never| match never {})
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_found_out_is_believed_for_a_time_and_asked_for_again_after_it() {
        let (cache, asked) = (Cache::new(TIME, 10), AtomicUsize::new(0));
        assert_eq!(ask(&cache, 1, &asked).await, 0);
        tokio::time::advance(TIME - Duration::from_millis(1)).await;
        assert_eq!(ask(&cache, 1, &asked).await, 0);
        assert_eq!(ask(&cache, 2, &asked).await, 1, "another is asked for");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(ask(&cache, 1, &asked).await, 2);
        assert_eq!(ask(&cache, 2, &asked).await, 1, "the other is younger");
    }

    #[tokio::test]
    async fn there_are_so_many_at_the_most_and_the_oldest_makes_room() {
        let (cache, asked) = (Cache::new(TIME, 3), AtomicUsize::new(0));
        for number in 0..200 {
            ask(&cache, number, &asked).await;
            assert!(cache.entries.lock().expect("entries").by_key.len() <= 3);
            assert!(cache.entries.lock().expect("entries").order.len() <= 3);
        }
        assert_eq!(ask(&cache, 198, &asked).await, 198);
        assert_eq!(ask(&cache, 196, &asked).await, 200, "it had made room");
    }

    #[tokio::test]
    async fn whoever_asks_for_the_same_at_once_waits_for_one_answer() {
        let cache = Cache::new(TIME, 3);
        let (go, going) = tokio::sync::oneshot::channel::<()>();
        let slow = cache.get_or_find(key(1), async {
            let _gone = going.await;
            Ok::<_, Infallible>("first")
        });
        let waiting = cache.get_or_find(key(1), async { Ok::<_, Infallible>("second") });
        let release = async {
            tokio::task::yield_now().await;
            go.send(()).expect("it waits");
        };
        let (first, second, ()) = tokio::join!(slow, waiting, release);
        assert_eq!((first, second), (Ok("first"), Ok("first")));
    }

    #[tokio::test]
    async fn what_could_not_be_found_out_is_asked_for_again() {
        let cache = Cache::<&str>::new(TIME, 3);
        assert_eq!(cache.get_or_find(key(1), async { Err("away") }).await, Err("away"));
        assert_eq!(cache.get_or_find(key(1), async { Ok::<_, &str>("found") }).await, Ok("found"));
    }
}
