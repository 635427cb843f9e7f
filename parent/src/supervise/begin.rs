//! Where no enclave serves: one that runs already is taken over, or one is started.

use sealnote_transport::Cid;
use tokio::time::Instant;

use super::{
    Enclave, Event, Image, LedgerError, Pcr0, StartError, Supervisor, Traffic, console,
    enclave::Life,
    keeper::Leaving,
    nitro_cli::{Described, State},
};

/// Where an enclave can be: its name and its CID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) cid: Cid,
}

impl<T: Traffic> Supervisor<T> {
    /// Has an enclave serve.
    pub(super) async fn begin(&mut self) -> Result<(), StartError> {
        let image = self.plan.image.clone();
        let measured = self.measure(&image).await?;
        let listed = self.plan.nitro_cli.describe().await?;
        let mut running: Vec<Described> = Vec::new();
        for enclave in listed.iter().filter(|enclave| self.is_in_a_place(enclave)) {
            match enclave.state {
                State::Running => running.push(enclave.clone()),
                State::Terminating | State::Empty => {
                    let id = enclave.id.clone();
                    return Err(StartError::Ending { id });
                }
            }
        }
        let is_wanted = |enclave: &Described| {
            enclave.image() == Some(&measured) && enclave.is_debug() == image.debug
        };
        let chosen = running
            .iter()
            .position(is_wanted)
            .or_else(|| running.iter().position(|enclave| self.ledger.has(enclave)));
        let Some(chosen) = chosen else {
            let place = self.free_place(&listed)?;
            let life = self.start(&image, &measured, place).await?;
            self.serve(life);
            return Ok(());
        };
        let chosen = running.swap_remove(chosen);
        let changes = !is_wanted(&chosen);
        let life = self.take_over(&chosen)?;
        self.say(Event::TakenOver(life.enclave.clone()));
        // What a parent left behind that ended in the middle of a replacement; nobody is connected to it any more.
        for other in running {
            if self.ledger.has(&other) {
                let other = self.take_over(&other)?;
                self.say(Event::TakenOver(other.enclave.clone()));
                // What is not ended now is tried again when it is next looked at. There is one at most, of two places.
                let left = self.terminate(other).await;
                self.leaving = left.map(|life| Leaving {
                    life,
                    drained: true,
                });
            }
        }
        self.serve(life);
        if changes {
            self.replace(image).await;
        }
        Ok(())
    }

    /// Starts one in a place that is free.
    pub(super) async fn start(
        &mut self,
        image: &Image,
        measured: &Pcr0,
        place: Place,
    ) -> Result<Life, StartError> {
        let kept = self.ledger.begin(&place.name);
        self.say_not_kept(kept);
        let begun = Instant::now();
        let started = match self.plan.nitro_cli.run(image, &place.name, place.cid).await {
            Ok(started) => started,
            Err(error) => {
                if error.started_nothing() {
                    let kept = self.ledger.abandon();
                    self.say_not_kept(kept);
                }
                return Err(error.into());
            }
        };
        let kept = self.ledger.enter(&started.id);
        self.say_not_kept(kept);
        let enclave = Enclave {
            name: place.name,
            id: started.id,
            cid: started.cid,
            image: Some(measured.clone()),
            debug: image.debug,
            ours: true,
        };
        let took = begun.elapsed();
        self.say(Event::Started {
            enclave: enclave.clone(),
            took,
        });
        Ok(self.live(enclave))
    }

    /// The name and the CID that no enclave has.
    pub(super) fn free_place(&self, listed: &[Described]) -> Result<Place, StartError> {
        let leaving = self.leaving.as_ref().map(|leaving| &leaving.life);
        let in_use = [self.serving.as_ref(), leaving];
        let is_free = |place: &Place| {
            let mut lives = in_use.iter().flatten();
            !lives.any(|life| life.enclave.name == place.name || life.enclave.cid == place.cid)
        };
        let mut places = self.places();
        // Where clients wait already.
        places.sort_by_key(|place| place.cid != self.cid);
        let mut found = Err(StartError::NoPlace);
        for place in places.into_iter().filter(is_free) {
            found = place.unless_taken(listed);
            if found.is_ok() {
                break;
            }
        }
        found
    }

    /// The CID of the other place.
    pub(super) fn other_cid(&self, cid: Cid) -> Cid {
        let [first, second] = self.places();
        match cid == first.cid {
            true => second.cid,
            false => first.cid,
        }
    }

    pub(super) async fn measure(&self, image: &Image) -> Result<Pcr0, StartError> {
        image.open()?;
        Ok(self.plan.nitro_cli.describe_image(&image.eif).await?)
    }

    fn take_over(&mut self, enclave: &Described) -> Result<Life, LedgerError> {
        let ours = self.ledger.has(enclave);
        if ours {
            // So far perhaps by its name only.
            self.ledger.enter(&enclave.id)?;
        }
        let facts = Enclave {
            name: enclave.name.clone(),
            id: enclave.id.clone(),
            cid: enclave.cid,
            image: enclave.image().cloned(),
            debug: enclave.is_debug(),
            ours,
        };
        Ok(self.live(facts))
    }

    fn live(&self, enclave: Enclave) -> Life {
        let console = enclave
            .debug
            .then(|| self.plan.nitro_cli.console(&enclave.id));
        let console = console.and_then(Result::ok).and_then(|mut child| {
            let (output, id) = (child.stdout.take()?, enclave.id.clone());
            let events = self.console.clone();
            Some(tokio::spawn(async move {
                console::follow(output, id, events).await;
                drop(child);
            }))
        });
        Life {
            endpoint: self.traffic.endpoint(enclave.cid),
            enclave,
            since: Instant::now(),
            answered: false,
            said: None,
            console,
        }
    }

    fn serve(&mut self, life: Life) {
        self.publish(&life);
        self.await_answer(&life);
        self.serving = Some(life);
    }

    fn places(&self) -> [Place; 2] {
        let name = &self.plan.name;
        let [first, second] = self.plan.cids();
        [
            Place {
                name: name.clone(),
                cid: first,
            },
            Place {
                name: format!("{name}-2"),
                cid: second,
            },
        ]
    }

    fn is_in_a_place(&self, enclave: &Described) -> bool {
        self.places().iter().any(|place| place.name == enclave.name)
    }

    fn say_not_kept(&mut self, kept: Result<(), LedgerError>) {
        if let Err(error) = kept {
            self.say(Event::NotKept(error));
        }
    }
}

impl Place {
    fn unless_taken(self, listed: &[Described]) -> Result<Place, StartError> {
        let Place { name, cid } = &self;
        for enclave in listed {
            let id = enclave.id.clone();
            if enclave.name == *name {
                let name = name.clone();
                return Err(StartError::NameTaken { name, id });
            }
            if enclave.cid == *cid {
                return Err(StartError::CidTaken { cid: *cid, id });
            }
        }
        Ok(self)
    }
}
