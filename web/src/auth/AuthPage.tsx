import { useEffect, useState, type FormEvent } from 'react'
import Alert from 'react-bootstrap/Alert'
import Button from 'react-bootstrap/Button'
import Form from 'react-bootstrap/Form'
import { api, ApiError, type User } from '../api.js'
import { go } from '../router.js'
import { t } from '../texts.js'
import { Field } from './Field.js'
import { PasswordField } from './PasswordField.js'

interface Props { isRegister: boolean, ended: boolean, onUser: (user: User) => void }

/** Log in, or register. */
export function AuthPage ({ isRegister, ended, onUser }: Props) {
  const title = isRegister ? t.register : t.logIn
  useEffect(() => {
    document.title = `${title} · ${t.app}`
  }, [title])
  return (
    <main className='card-page'>
      <div className='panel'>
        <img src='/icon.svg' alt='' width='56' height='56' />
        <h1>{title}</h1>
        <p className='text-body-secondary'>{t.welcome}</p>
        {ended && <Alert variant='warning' role='status'>{t.sessionEnded}</Alert>}
        <AuthForm isRegister={isRegister} onUser={onUser} />
        <Other isRegister={isRegister} />
      </div>
    </main>
  )
}

function AuthForm ({ isRegister, onUser }: Omit<Props, 'ended'>) {
  const [username, setUsername] = useState('')
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [error, setError] = useState<ApiError>()
  const [busy, setBusy] = useState(false)
  const fields = error?.fields ?? {}
  const known = isRegister ? ['username', 'email', 'password'] : []
  const isElsewhere = error !== undefined && !known.some(name => name in fields)

  const submit = (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    const answer = isRegister ? api.register(username, email, password) : api.login(username, password)
    answer.then(onUser, (problem: ApiError) => {
      setError(problem)
      setBusy(false)
    })
  }
  return (
    <Form noValidate onSubmit={submit}>
      {isElsewhere && <Alert variant='danger'>{error.message || t.unreachable}</Alert>}
      <Field
        label={t.username} value={username} onChange={setUsername} error={isRegister ? fields.username : ''}
        autoComplete='username' autoFocus
      />
      {isRegister && <Field
        label={t.email} value={email} onChange={setEmail} error={fields.email} type='email'
        autoComplete='email'
                     />}
      <PasswordField
        label={t.password} value={password} onChange={setPassword} withStrength={isRegister}
        error={isRegister ? fields.password : ''}
        autoComplete={isRegister ? 'new-password' : 'current-password'}
      />
      <Button type='submit' className='w-100' disabled={busy}>{isRegister ? t.register : t.logIn}</Button>
    </Form>
  )
}

function Other ({ isRegister }: { isRegister: boolean }) {
  const path = isRegister ? '/login' : '/register'
  return (
    <p className='mt-3 mb-0 text-body-secondary'>
      {isRegister ? t.haveAccount : t.newHere}{' '}
      <a
        href={path} onClick={event => {
          event.preventDefault()
          go(path)
        }}
      >{isRegister ? t.logInInstead : t.registerInstead}
      </a>
    </p>
  )
}
