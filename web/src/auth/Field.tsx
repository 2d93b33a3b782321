import { useId, type ReactNode } from 'react'
import Form from 'react-bootstrap/Form'

export interface FieldProps {
  label: string
  value: string
  onChange: (value: string) => void
  error?: string | undefined
  type?: string
  autoComplete?: string
  autoFocus?: boolean
  /** beside the input */
  children?: ReactNode
  maxLength?: number
}

/** An input with its label, and its error as its description. */
export function Field ({ label, value, onChange, error = '', children, ...rest }: FieldProps) {
  const id = useId()
  const isInvalid = error !== ''
  return (
    <div className='mb-3'>
      <Form.Label htmlFor={id}>{label}</Form.Label>
      <div className='d-flex gap-2'>
        <Form.Control
          id={id} value={value} isInvalid={isInvalid} aria-invalid={isInvalid}
          aria-describedby={isInvalid ? `${id}-error` : undefined}
          onChange={event => onChange(event.target.value)} {...rest}
        />
        {children}
      </div>
      {isInvalid && <div id={`${id}-error`} role='alert' className='small text-danger mt-1'>{error}</div>}
    </div>
  )
}
