/**
 * The version of what one agrees to before the first photo: `consent` and `consentMore` in en.ts and zh.ts, as the server keeps it
 * (POST /v1/consents). Whoever changes those words changes it, too.
 */
export const CONSENT_VERSION = '2026-11';
