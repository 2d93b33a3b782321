import Button from 'react-bootstrap/Button'
import { useChat } from '../chat-context.js'
import { t } from '../texts.js'
import { timeOf } from './names.js'
import type { WaitingMessage } from './rows.js'
import { Text } from './Text.js'

/** An own message that the server has not acknowledged. */
export function WaitingItem ({ waiting: { frame, at, error } }: { waiting: WaitingMessage }) {
  const store = useChat()
  const discard = () => {
    store.outbox.remove(frame.clientId)
    store.changed()
  }
  return (
    <article className='message own'>
      <span className='visually-hidden'>{store.me.username}</span>
      <div className='bubble waiting'>
        <Text text={frame.message} />
        <footer>
          <time dateTime={at}>{timeOf(at)}</time>{' '}
          <span className={error === undefined ? 'tick' : 'text-danger'}>
            {error === undefined ? t.queued : t.failed}
          </span>
        </footer>
        {error !== undefined && (
          <div role='alert' className='small'>
            {error}{' '}
            <Button size='sm' variant='link' onClick={() => store.retry(frame)}>{t.tryAgain}</Button>
            <Button size='sm' variant='link' onClick={discard}>
              {t.discard}
            </Button>
          </div>
        )}
      </div>
    </article>
  )
}
