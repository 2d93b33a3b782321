import type { ReactNode } from 'react'
import Modal from 'react-bootstrap/Modal'
import { t } from '../texts.js'

interface Props { title: string, onClose: () => void, children: ReactNode }

/** A dialog with a title; Escape closes it. */
export function Dialog ({ title, onClose, children }: Props) {
  return (
    <Modal show onHide={onClose} scrollable fullscreen='sm-down' aria-label={title}>
      <Modal.Header closeButton closeLabel={t.close}>
        <Modal.Title as='h2' className='h5'>{title}</Modal.Title>
      </Modal.Header>
      <Modal.Body>{children}</Modal.Body>
    </Modal>
  )
}
