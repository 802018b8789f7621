use std::time::Duration;

use super::*;

#[tokio::test]
async fn all_who_wait_are_told_and_what_is_told_first_holds() {
    let ticket = Arc::new(Ticket::default());
    let waiting: Vec<_> = (0..100).map(|_| tokio::spawn(ticket.clone().wait())).collect();
    tokio::task::yield_now().await;
    ticket.settle(Outcome::Unknown);
    ticket.settle(Outcome::Confirmed);
    for told in waiting {
        assert_eq!(told.await.unwrap(), Outcome::Unknown);
    }
    assert_eq!(ticket.wait().await, Outcome::Unknown);
}

#[tokio::test]
async fn a_waiter_that_is_polled_again_keeps_its_place() {
    let ticket = Arc::new(Ticket::default());
    let mut wait = ticket.clone().wait();
    for _ in 0..10 {
        let polled = tokio::time::timeout(Duration::from_millis(1), &mut wait).await;
        assert!(polled.is_err());
    }
    assert_eq!(ticket.waiting.lock().len(), 1);
    ticket.settle(Outcome::Confirmed);
    assert_eq!(wait.await, Outcome::Confirmed);
}
