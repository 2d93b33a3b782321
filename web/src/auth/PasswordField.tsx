import { useState } from 'react'
import Button from 'react-bootstrap/Button'
import { t } from '../texts.js'
import { Field, type FieldProps } from './Field.js'

/** The fewest characters that the server takes (docs/http-api.md). */
const SHORTEST = 8

/** 0 to 4, by length and kinds of characters: a hint; the server decides. */
function strengthOf (password: string): number {
  if (password.length < SHORTEST) return 0
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\d/, /[^\p{L}\d]/u].filter(kind => kind.test(password)).length
  const isMonotone = new Set(password).size < 5
  if (isMonotone) return 1
  return Math.min(4, Math.max(1, kinds - 1) + Math.floor((password.length - SHORTEST) / 4))
}

/** A password that can be shown, with its strength if it is a new one. */
export function PasswordField ({ withStrength = false, ...props }: FieldProps & { withStrength?: boolean }) {
  const [isShown, setShown] = useState(false)
  return (
    <>
      <Field {...props} type={isShown ? 'text' : 'password'}>
        <Button variant='outline-secondary' aria-pressed={isShown} onClick={() => setShown(!isShown)}>
          {isShown ? t.hide : t.show}
        </Button>
      </Field>
      {withStrength && props.value !== '' && <Strength value={strengthOf(props.value)} />}
    </>
  )
}

function Strength ({ value }: { value: number }) {
  return (
    <div className='strength mb-3 small' data-value={value}>
      <span className='strength-bar' aria-hidden='true'><span /></span>
      <span aria-live='polite'>{t.strength[value]}</span>
    </div>
  )
}
