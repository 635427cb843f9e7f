//! Where a KBS is: a measured argument beside the locator, which names none.

use std::str::FromStr;

use sealnote_transport::Endpoint;

use super::error::KbsError;
use crate::http::Service;
use crate::locator::is_authority;
use crate::tls::Roots;

/// `https://HOST:PORT`, or `http://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KbsUrl {
    authority: String,
    tls: bool,
}

impl KbsUrl {
    /// The service there. Its name is for `Host` and for its certificate; the way to it is the parent's.
    ///
    /// # Errors
    /// `https` without roots, and roots without `https`: neither is what was meant (K2).
    pub fn service(&self, via: Endpoint, roots: Option<Roots>) -> Result<Service, KbsError> {
        match (self.tls, roots) {
            (true, Some(roots)) => Ok(Service::over_tls(&self.authority, via, roots)?),
            (false, None) => Ok(Service::in_the_clear(&self.authority, via)?),
            (true, None) => Err(KbsError::NoRoots),
            (false, Some(_)) => Err(KbsError::RootsOverHttp),
        }
    }
}

impl FromStr for KbsUrl {
    type Err = KbsError;

    fn from_str(text: &str) -> Result<Self, KbsError> {
        let (scheme, authority) = text.split_once("://").ok_or(KbsError::Url)?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(KbsError::Url),
        };
        match is_authority(authority) {
            true => Ok(Self {
                authority: authority.to_owned(),
                tls,
            }),
            false => Err(KbsError::Url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via() -> Endpoint {
        "tcp:127.0.0.1:1".parse().unwrap()
    }

    fn roots() -> Roots {
        Roots::from_pem(include_bytes!("../aws_kms/amazon_roots.pem")).unwrap()
    }

    #[test]
    fn a_url_is_a_scheme_a_host_and_a_port() {
        for text in [
            "",
            "kbs.example.org:8080",
            "ftp://kbs.example.org:8080",
            "HTTPS://kbs.example.org:8080",
            "https://kbs.example.org",
            "https://kbs.example.org:8080/",
            "https://kbs.example.org:8080/kbs",
            "https://user@kbs.example.org:8080",
            "https://kbs.example.org:8080?x",
        ] {
            assert!(
                matches!(text.parse::<KbsUrl>(), Err(KbsError::Url)),
                "{text}"
            );
        }
        for text in [
            "https://kbs.example.org:8080",
            "https://10.0.0.7:443",
            "https://[::1]:8080",
        ] {
            let url: KbsUrl = text.parse().unwrap();
            assert!(url.service(via(), Some(roots())).is_ok(), "{text}");
        }
    }

    #[test]
    fn roots_go_with_https() {
        let https: KbsUrl = "https://kbs.example.org:8080".parse().unwrap();
        assert!(matches!(https.service(via(), None), Err(KbsError::NoRoots)));
        let http: KbsUrl = "http://kbs.example.org:8080".parse().unwrap();
        assert!(http.service(via(), None).is_ok());
        let error = http.service(via(), Some(roots()));
        assert!(matches!(error, Err(KbsError::RootsOverHttp)));
    }
}
