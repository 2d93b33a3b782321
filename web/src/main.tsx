import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './App.js'
import { followTheme } from './theme.js'
import './styles.scss'

followTheme()
createRoot(document.getElementById('root')!).render(<StrictMode><App /></StrictMode>)
