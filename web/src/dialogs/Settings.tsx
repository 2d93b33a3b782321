import { useEffect, useState, type FormEvent, type ReactNode } from 'react'
import Alert from 'react-bootstrap/Alert'
import Button from 'react-bootstrap/Button'
import Form from 'react-bootstrap/Form'
import { api, type ApiError, type Session } from '../api.js'
import { AvatarForm } from '../auth/AvatarPage.js'
import { PasswordField } from '../auth/PasswordField.js'
import { useChat } from '../chat-context.js'
import { nameOf, shortTimeOf } from '../chat/names.js'
import { storage } from '../store/storage.js'
import { t } from '../texts.js'
import { chooseDark, isDark } from '../theme.js'
import { deviceOf } from './device.js'
import { Dialog } from './Dialog.js'

interface Props { onClose: () => void, onLogOut: () => void }

/** Everything about the own account. */
export default function Settings ({ onClose, onLogOut }: Props) {
  const store = useChat()
  const [isChoosing, setChoosing] = useState(false)
  const logOut = () => void api.logout().catch(() => {}).then(onLogOut)
  return (
    <Dialog title={t.settings} onClose={onClose}>
      <Appearance />
      <Section title={t.changeAvatar}>
        {isChoosing
          ? <AvatarForm
              user={store.me} onSaved={user => {
                store.me = user
                store.changed()
                setChoosing(false)
              }}
            />
          : <Button variant='outline-secondary' onClick={() => setChoosing(true)}>{t.changeAvatar}</Button>}
      </Section>
      <Section title={t.changePassword}><Password /></Section>
      <Section title={t.devices}><Devices /></Section>
      <Section title={t.blockedPeople}><Blocked /></Section>
      <Section title={t.deleteAccount}><Delete onDone={onLogOut} /></Section>
      <Button variant='outline-secondary' className='w-100' onClick={logOut}>{t.logOut}</Button>
    </Dialog>
  )
}

function Section ({ title, children }: { title: string, children: ReactNode }) {
  return <section className='mb-4'><h3 className='h6'>{title}</h3>{children}</section>
}

function Appearance () {
  const [dark, setDark] = useState(isDark)
  const [isNotifying, setNotifying] = useState(() => storage.get<boolean>('notifications') === true)
  const notify = async (on: boolean) => {
    const isAllowed = on && await Notification.requestPermission() === 'granted'
    storage.set('notifications', isAllowed)
    setNotifying(isAllowed)
  }
  return (
    <Section title={t.appearance}>
      <Form.Check
        type='switch' id='dark' label={t.darkMode} checked={dark} onChange={event => {
          chooseDark(event.target.checked)
          setDark(event.target.checked)
        }}
      />
      {'Notification' in window && <Form.Check
        type='switch' id='notify' label={t.notifications} checked={isNotifying}
        onChange={event => void notify(event.target.checked)}
                                   />}
    </Section>
  )
}

function Password () {
  const [old, setOld] = useState('')
  const [next, setNext] = useState('')
  const [error, setError] = useState<ApiError>()
  const [done, setDone] = useState(false)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    api.changePassword(old, next).then(() => {
      setOld('')
      setNext('')
      setError(undefined)
      setDone(true)
    }, setError)
  }
  const { newPassword = '', oldPassword = '' } = error?.fields ?? {}
  const isElsewhere = error !== undefined && newPassword === '' && oldPassword === ''
  return (
    <form onSubmit={submit}>
      {done && <Alert variant='success' role='status'>{t.passwordChanged}</Alert>}
      {isElsewhere && <Alert variant='danger'>{error.message || t.unreachable}</Alert>}
      <PasswordField
        label={t.oldPassword} value={old} onChange={setOld} error={oldPassword}
        autoComplete='current-password'
      />
      <PasswordField
        label={t.newPassword} value={next} onChange={setNext} error={newPassword} withStrength
        autoComplete='new-password'
      />
      <Button type='submit' variant='outline-secondary'>{t.changePassword}</Button>
    </form>
  )
}

function Devices () {
  const [sessions, setSessions] = useState<Session[]>([])
  useEffect(() => {
    api.sessions().then(setSessions, () => {})
  }, [])
  const end = (id: string) => void api.endSession(id)
    .then(() => setSessions(sessions.filter(session => session.id !== id)), () => {})
  return (
    <ul className='list-unstyled people'>
      {sessions.map(({ id, current, userAgent, lastSeenAt }) => (
        <li key={id} className='person'>
          <span className='flex-fill overflow-hidden'>
            <span className='d-block text-truncate' title={userAgent}>{deviceOf(userAgent)}</span>
            <small className='text-body-secondary'>
              {current ? t.thisDevice : t.lastSeen(shortTimeOf(lastSeenAt))}
            </small>
          </span>
          {!current && <Button size='sm' variant='link' onClick={() => end(id)}>{t.endSession}</Button>}
        </li>
      ))}
    </ul>
  )
}

function Blocked () {
  const store = useChat()
  const blocked = [...store.people.blocked]
  if (blocked.length === 0) return <p className='text-body-secondary mb-0'>{t.nobodyBlocked}</p>
  return (
    <ul className='list-unstyled people'>
      {blocked.map(id => (
        <li key={id} className='person'>
          <span className='flex-fill' dir='auto'>{nameOf(store, id)}</span>
          <Button size='sm' variant='link' onClick={() => void store.people.block(id, false).catch(() => {})}>
            {t.unblock}
          </Button>
        </li>
      ))}
    </ul>
  )
}

function Delete ({ onDone }: { onDone: () => void }) {
  const { me } = useChat()
  const [password, setPassword] = useState('')
  const [error, setError] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    api.deleteAccount(me._id, password)
      .then(onDone, (problem: ApiError) => setError(problem.message || t.unreachable))
  }
  return (
    <form onSubmit={submit}>
      <p className='text-body-secondary'>{t.deleteHint}</p>
      <PasswordField label={t.confirmPassword} value={password} onChange={setPassword} error={error} />
      <Button type='submit' variant='outline-danger' disabled={password === ''}>{t.deleteAccount}</Button>
    </form>
  )
}
