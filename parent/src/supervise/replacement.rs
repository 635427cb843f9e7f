//! Another image takes the place of the one that serves, beside it where there is room.

use tokio::time::Instant;

use super::{
    EnclaveId, Event, Image, NotReplaced, StartError, Supervisor, Traffic,
    enclave::Life,
    keeper::{Coming, Leaving},
};

impl<T: Traffic> Supervisor<T> {
    /// Has `image` run from now on.
    pub(super) async fn replace(&mut self, image: Image) {
        if self.coming.is_some() || self.leaving.is_some() {
            // There are two places, and both are in use: when one is free.
            self.next_image = Some(image);
            return;
        }
        if self.serving.is_none() {
            self.plan.image = image;
            self.plan.backoff.reset();
            self.start_at = Instant::now();
            return;
        }
        match self.start_beside(&image).await {
            Ok(Some(life)) => {
                self.await_answer(&life);
                self.coming = Some(Coming { life, image });
            }
            Ok(None) => self.say(Event::Unchanged),
            Err(StartError::NitroCli(error)) if error.is_want_of_room() => {
                let ours = self.serving.as_ref().is_some_and(|life| life.enclave.ours);
                match (self.plan.replace_by_restart, ours) {
                    (true, true) => self.replace_by_restart(image),
                    (true, false) => self.say(Event::NotReplaced(NotReplaced::NotOurs(error))),
                    (false, _) => self.say(Event::NotReplaced(NotReplaced::NoRoom(error))),
                }
            }
            Err(error) => self.say(Event::NotReplaced(NotReplaced::NotStarted(error))),
        }
    }

    /// Starts it, unless it is what runs.
    async fn start_beside(&mut self, image: &Image) -> Result<Option<Life>, StartError> {
        let measured = self.measure(image).await?;
        let is_same = self.serving.as_ref().is_some_and(|life| {
            life.enclave.image.as_ref() == Some(&measured) && life.enclave.debug == image.debug
        });
        let same_but_for_its_path = Image {
            eif: image.eif.clone(),
            ..self.plan.image.clone()
        };
        if is_same && same_but_for_its_path == *image {
            self.plan.image = image.clone();
            return Ok(None);
        }
        let listed = self.plan.nitro_cli.describe().await?;
        let place = self.free_place(&listed)?;
        self.start(image, &measured, place).await.map(Some)
    }

    fn replace_by_restart(&mut self, image: Image) {
        let Some(old) = self.serving.take() else {
            return;
        };
        self.plan.image = image;
        // The new one will be in the place that is free now, and clients wait for it there.
        self.publish_cid(self.other_cid(old.enclave.cid));
        self.say(Event::ReplacedByRestart {
            old: old.enclave.clone(),
        });
        self.leave(old);
    }

    /// An enclave that was waited for answers, or does not.
    pub(super) async fn settle_answer(&mut self, id: &EnclaveId, answers: bool) {
        if let Some(life) = self.serving.as_mut().filter(|life| life.is(id)) {
            life.answered |= answers;
            let (enclave, after) = (life.enclave.clone(), life.up());
            self.say(match answers {
                true => Event::Ready { enclave, after },
                false => Event::Silent { enclave, after },
            });
            return;
        }
        let Some(coming) = self.coming.take_if(|coming| coming.life.is(id)) else {
            return;
        };
        let Coming {
            life: mut new,
            image,
        } = coming;
        if !answers {
            let limit = self.plan.answer_limit;
            self.say(Event::NotReplaced(NotReplaced::Silent(limit)));
            self.retire(new).await;
            return;
        }
        // Not before: one that does not answer is not what is started when the old one ends.
        self.plan.image = image;
        new.answered = true;
        let (enclave, after) = (new.enclave.clone(), new.up());
        self.say(Event::Ready { enclave, after });
        self.publish(&new);
        if let Some(old) = self.serving.take() {
            self.say(Event::Replaced {
                old: old.enclave.clone(),
                new: new.enclave.clone(),
            });
            self.leave(old);
        }
        self.serving = Some(new);
    }

    /// It has no new connections from now on.
    fn leave(&mut self, life: Life) {
        self.await_drained(&life, self.plan.drain_limit);
        self.leaving = Some(Leaving {
            life,
            drained: false,
        });
    }

    /// It never had connections.
    async fn retire(&mut self, life: Life) {
        self.leaving = Some(Leaving {
            life,
            drained: true,
        });
        self.end_drained().await;
    }

    pub(super) async fn settle_drained(&mut self, id: &EnclaveId) {
        if let Some(leaving) = self.leaving.as_mut().filter(|leaving| leaving.life.is(id)) {
            leaving.drained = true;
        }
        self.end_drained().await;
    }

    /// Ends what is to be ended. What `nitro-cli` does not end is tried again when it is next looked at.
    pub(super) async fn end_drained(&mut self) {
        let Some(leaving) = self.leaving.take_if(|leaving| leaving.drained) else {
            return;
        };
        match self.terminate(leaving.life).await {
            Some(life) => {
                self.leaving = Some(Leaving {
                    life,
                    drained: true,
                });
            }
            None => self.left().await,
        }
    }

    /// A place is free.
    pub(super) async fn left(&mut self) {
        if self.serving.is_none() && self.coming.is_none() {
            self.start_at = Instant::now();
        }
        if let Some(image) = self.next_image.take() {
            self.replace(image).await;
        }
    }
}
