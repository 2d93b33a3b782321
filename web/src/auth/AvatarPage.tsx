import { useEffect, useState, type FormEvent } from 'react'
import Alert from 'react-bootstrap/Alert'
import Button from 'react-bootstrap/Button'
import { api, type ApiError, type User } from '../api.js'
import { pictureOf } from '../chat/Avatar.js'
import { t } from '../texts.js'

const OFFERED = 8

interface Props { user: User, onSaved: (user: User) => void }

/** The screen after registering. */
export function AvatarPage (props: Props) {
  useEffect(() => {
    document.title = `${t.chooseAvatar} · ${t.app}`
  }, [])
  return (
    <main className='card-page'>
      <div className='panel'>
        <h1>{t.chooseAvatar}</h1>
        <p className='text-body-secondary'>{t.avatarHint}</p>
        <AvatarForm {...props} />
      </div>
    </main>
  )
}

/** A grid of pictures as radios; `More avatars` offers others. */
export function AvatarForm ({ user, onSaved }: Props) {
  const [offered, setOffered] = useState<string[]>([])
  const [chosen, setChosen] = useState(0)
  const [error, setError] = useState('')
  const fail = (problem: ApiError) => setError(problem.message || t.unreachable)
  const load = () => {
    setChosen(0)
    api.avatars(OFFERED).then(setOffered, fail)
  }
  useEffect(load, [])

  const save = (event: FormEvent) => {
    event.preventDefault()
    const picture = offered[chosen]
    if (picture === undefined) return
    api.setAvatar(user._id, picture).then(saved => onSaved({ ...user, ...saved }), fail)
  }
  return (
    <form onSubmit={save}>
      {error !== '' && <Alert variant='danger'>{error}</Alert>}
      <fieldset className='avatars'>
        <legend className='visually-hidden'>{t.avatars}</legend>
        {offered.length === 0 && <Placeholders />}
        {offered.map((picture, n) => (
          <label key={picture} className='avatar-choice'>
            <input
              type='radio' name='avatar' aria-label={t.avatar(n + 1)} checked={n === chosen}
              onChange={() => setChosen(n)}
            />
            <img src={pictureOf(picture)} alt='' />
          </label>
        ))}
      </fieldset>
      <div className='d-flex gap-2'>
        <Button variant='outline-secondary' className='flex-fill' onClick={load}>{t.moreAvatars}</Button>
        <Button type='submit' className='flex-fill' disabled={offered.length === 0}>{t.saveAvatar}</Button>
      </div>
    </form>
  )
}

function Placeholders () {
  return Array.from({ length: OFFERED }, (_, n) => (
    <span key={n} className='avatar-choice placeholder-glow'><span className='placeholder' /></span>
  ))
}
