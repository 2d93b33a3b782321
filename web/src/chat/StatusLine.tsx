import type { Status } from '../store/chat-store.js'
import { t } from '../texts.js'

const TEXTS: Record<Status, string> = {
  connecting: t.connectingHint, offline: t.offlineHint, online: t.upToDate
}

/** Whether what is shown is up to date; loud only when it is not. */
export function StatusLine ({ status }: { status: Status }) {
  return <div role='status' className='status-line' data-status={status}>{TEXTS[status]}</div>
}
