//! What a handler keeps while a delivery is in its process's hands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use async_trait::async_trait;
use messaging::topology::YAML_MANAGER;
use messaging::{Bus, Delivery, Handler, Hold, JobError, Message, Route};

use crate::support::{Consumer, eventually, message, nothing_is_left};

/// Fails the first delivery, its tries in place included, and takes the next.
#[derive(Default)]
struct Holding {
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    delivered: AtomicU32,
    held: AtomicU32,
    lost: AtomicU32,
    unheld: AtomicU32,
}

struct Held {
    told: Arc<Told>,
    over: bool,
}

impl Hold for Held {
    fn over(mut self: Box<Self>) {
        self.over = true;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.told.held.fetch_sub(1, SeqCst);
        self.told.lost.fetch_add(u32::from(!self.over), SeqCst);
    }
}

#[async_trait]
impl Handler for Holding {
    fn delivered(&self, _message: &Message) -> Option<Box<dyn Hold>> {
        self.told.delivered.fetch_add(1, SeqCst);
        self.told.held.fetch_add(1, SeqCst);
        Some(Box::new(Held { told: self.told.clone(), over: false }))
    }

    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        self.told.unheld.fetch_add(u32::from(self.told.held.load(SeqCst) == 0), SeqCst);
        if self.told.delivered.load(SeqCst) == 1 {
            return Err(JobError::retry("on purpose"));
        }
        assert!(delivery.again);
        Ok(())
    }
}

pub(crate) async fn a_delivery_is_held_from_the_moment_it_comes_until_it_is_over(bus: Arc<dyn Bus>) {
    bus.publish(&Route::Queue(&YAML_MANAGER), message("held")).await.unwrap();
    assert_eq!(bus.waiting(&YAML_MANAGER).await.unwrap(), 1);
    let handler = Holding::default();
    let told = handler.told.clone();
    let consumer = Consumer::start(&bus, &YAML_MANAGER, Arc::new(handler));
    eventually("a delivery", async || told.delivered.load(SeqCst) == 1).await;
    eventually("it is put aside", async || told.held.load(SeqCst) == 0).await;
    // What is in nobody's hands waits somewhere, unless it was taken again.
    let waiting = bus.waiting(&YAML_MANAGER).await.unwrap();
    assert!(waiting == 1 || told.delivered.load(SeqCst) > 1, "{waiting}");
    eventually("it is handled", async || told.delivered.load(SeqCst) == 2 && told.held.load(SeqCst) == 0).await;
    assert_eq!((told.lost.load(SeqCst), told.unheld.load(SeqCst)), (0, 0));
    consumer.stop().await;
    nothing_is_left(&bus).await;
    assert_eq!(bus.waiting(&YAML_MANAGER).await.unwrap(), 0);
}
