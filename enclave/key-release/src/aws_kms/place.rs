//! Where a KMS key is, by its ARN.

/// A region, and KMS's host in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    region: String,
    host: String,
}

impl Place {
    /// `None` for a partition whose domain is not known. AWS General Reference, "AWS KMS endpoints and quotas".
    pub fn of(arn: &str) -> Option<Self> {
        let mut parts = arn.split(':').skip(1);
        let (partition, _kms, region) = (parts.next()?, parts.next()?, parts.next()?);
        let domain = match partition {
            "aws" | "aws-us-gov" => "amazonaws.com",
            "aws-cn" => "amazonaws.com.cn",
            "aws-eusc" => "amazonaws.eu",
            _ => return None,
        };
        Some(Self {
            region: region.to_owned(),
            host: format!("kms.{region}.{domain}"),
        })
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    pub fn host(&self) -> &str {
        &self.host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_has_a_domain() {
        for (partition, region, host) in [
            ("aws", "eu-central-1", "kms.eu-central-1.amazonaws.com"),
            (
                "aws-us-gov",
                "us-gov-west-1",
                "kms.us-gov-west-1.amazonaws.com",
            ),
            ("aws-cn", "cn-north-1", "kms.cn-north-1.amazonaws.com.cn"),
            (
                "aws-eusc",
                "eusc-de-east-1",
                "kms.eusc-de-east-1.amazonaws.eu",
            ),
        ] {
            let place = Place::of(&format!("arn:{partition}:kms:{region}:111122223333:key/1"));
            let place = place.unwrap();
            assert_eq!((place.region(), place.host()), (region, host));
        }
        assert_eq!(
            Place::of("arn:aws-iso:kms:us-iso-east-1:111122223333:key/1"),
            None
        );
    }
}
