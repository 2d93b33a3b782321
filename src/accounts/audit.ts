type AuditEvent =
  'register' | 'login' | 'failed login' | 'password change' | 'logout' | 'session end' | 'deletion' |
  'refused'

/** What an audit line takes from a request. */
export interface AuditedRequest {
  readonly ip: string
  readonly log: { info (fields: object, message: string): void }
}

/** Logs what matters to the security of an account. No secret is logged. */
export function audit (
  request: AuditedRequest, event: AuditEvent, user: string | null, reason?: string
): void {
  request.log.info({ audit: event, user, address: request.ip, reason }, `audit: ${event}`)
}
