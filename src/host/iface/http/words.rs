//! Our reasons in the words of `wasi:http`.

use wasmtime_wasi_http::Error;

use crate::model::egress::{Budget, EgressFault};

/// What a guest hears. Reasons that it can do nothing about differently share a word; the job's log has the sentence.
pub(super) fn as_wasi(fault: &EgressFault) -> Error {
    match fault {
        EgressFault::NotGranted(_) | EgressFault::Closed { is_address: false, .. } | EgressFault::Secret { .. } => {
            Error::HttpRequestDenied
        }
        EgressFault::Closed { is_address: true, .. } => Error::DestinationIpProhibited,
        EgressFault::Url => Error::HttpRequestUriInvalid,
        EgressFault::UrlTooLong { .. } => Error::HttpRequestUriTooLong,
        EgressFault::Method { .. } => Error::HttpRequestMethodInvalid,
        // No word of WASI means this one, so the sentence goes with it.
        EgressFault::OverBudget { budget: Budget::Requests, .. } => Error::InternalError(Some(fault.to_string())),
        EgressFault::OverBudget { budget: Budget::Sent, allowed, .. } => Error::HttpRequestBodySize(Some(*allowed)),
        EgressFault::OverBudget { budget: Budget::Received, allowed, .. } => {
            Error::HttpResponseBodySize(Some(*allowed))
        }
        EgressFault::Busy { .. } => Error::ConnectionLimitReached,
        EgressFault::Unreachable => Error::DestinationUnavailable,
        EgressFault::ConnectionRefused => Error::ConnectionRefused,
        EgressFault::ConnectTimeout { .. } => Error::ConnectionTimeout,
        EgressFault::Tls { .. } => Error::TlsProtocolError,
        EgressFault::FirstByteTimeout { .. } => Error::HttpResponseTimeout,
        EgressFault::BytesTimeout { .. } => Error::ConnectionReadTimeout,
        EgressFault::HeadTooLarge { allowed } => {
            Error::HttpResponseHeaderSectionSize(Some(u32::try_from(*allowed).unwrap_or(u32::MAX)))
        }
        EgressFault::Incomplete => Error::HttpResponseIncomplete,
        EgressFault::Upgrade => Error::HttpUpgradeFailed,
        EgressFault::Protocol | EgressFault::Aborted => Error::HttpProtocolError,
        EgressFault::NoPort => Error::ConfigurationError,
    }
}
