/** What stands around every page: navigation, who is there, how the gateway is, the colour scheme. */
import { ActionIcon, Burger, Button, Drawer, Menu, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import {
  IconActivity, IconApi, IconApps, IconHistory, IconKey, IconListDetails, IconLogout, IconMoon, IconShare3, IconSun, IconUsers,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { NavLink, useLocation } from 'react-router';
import { useLogOut } from '../api/changes';
import { me } from '../api/queries';
import type { Me } from '../api/types';
import { agoText } from '../model/format';
import { Guard } from '../parts/Guard';
import { useNow } from '../parts/useNow';
import css from './Shell.module.css';

const PAGES = [
  { to: '/apis', label: 'APIs', icon: IconApi },
  { to: '/users', label: 'Users & stores', icon: IconUsers },
  { to: '/keys', label: 'Keys', icon: IconKey },
  { to: '/applications', label: 'Applications', icon: IconApps },
  { to: '/traffic', label: 'Traffic', icon: IconActivity },
  { to: '/requests', label: 'Requests', icon: IconListDetails },
  { to: '/disclosures', label: 'Disclosures', icon: IconShare3 },
  { to: '/history', label: 'History', icon: IconHistory },
];

export function Shell({ children }: { children: ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  useEffect(() => setOpen(false), [pathname]);
  return (
    <div className={css.shell}>
      <a href="#main" className={css.skip}>Skip to the page</a>
      <header className={css.bar}>
        <Burger opened={isOpen} onClick={() => setOpen(true)} size="sm" aria-label="Open the navigation" />
        <Brand />
        <SchemeSwitch />
      </header>
      <aside className={css.side}>
        <Brand />
        <Navigation />
        <Foot />
      </aside>
      <Drawer opened={isOpen} onClose={() => setOpen(false)} size={280} title={<Brand />} classNames={{ body: css.drawer }}>
        <Navigation />
        <Foot />
      </Drawer>
      <main id="main" ref={main} tabIndex={-1} className={css.main}><Guard key={pathname}>{children}</Guard></main>
    </div>
  );
}

function Brand() {
  return (
    <span className={css.brand}>
      <img src="/favicon.svg" alt="" width={26} height={26} />
      Countersign
    </span>
  );
}

function Navigation() {
  return (
    <nav aria-label="Pages" className={css.nav}>
      {PAGES.map(({ to, label, icon: Icon }) => (
        <NavLink key={to} to={to} className={css.link}>
          <Icon size={18} stroke={1.7} aria-hidden="true" />
          {label}
        </NavLink>
      ))}
    </nav>
  );
}

function Foot() {
  const { data } = useQuery(me);
  return (
    <div className={css.foot}>
      {data && <GatewayState me={data} />}
      <div className={css.who}>
        {data && <Who me={data} />}
        <SchemeSwitch />
      </div>
    </div>
  );
}

function GatewayState({ me: { gateway } }: { me: Me }) {
  const now = useNow();
  const { text, tone } = stateOf(gateway);
  return (
    <div className={css.state}>
      <span className={css.light} data-tone={tone} aria-hidden="true" />
      <div>
        <div>{text}</div>
        <div className="soft">Revision {gateway.revision}{gateway.appliedAt ? `, ${agoText(gateway.appliedAt, now)}` : ''}</div>
        <div className="soft">Version {gateway.version}</div>
      </div>
    </div>
  );
}

function stateOf(gateway: Me['gateway']): { text: string; tone: 'good' | 'warn' } {
  if (gateway.refused.length > 0) return { text: 'Last edit refused', tone: 'warn' };
  if (gateway.brokenApis.length > 0) return { text: `${gateway.brokenApis.length} broken API${gateway.brokenApis.length > 1 ? 's' : ''}`, tone: 'warn' };
  if (gateway.needsRestart.length > 0) return { text: 'Waits for a restart', tone: 'warn' };
  return { text: 'Gateway is up', tone: 'good' };
}

function Who({ me: { name, roles, login } }: { me: Me }) {
  const logOut = useLogOut();
  return (
    <Menu position="top-start">
      <Menu.Target>
        <Button variant="subtle" color="gray" size="compact-sm" className={css.name}>{name}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{roles.join(', ') || 'no role'}</Menu.Label>
        {login === 'oidc'
          ? <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => logOut.mutate(undefined)}>Log out</Menu.Item>
          : <Menu.Item disabled>No login on this machine</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  );
}

function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const scheme = useComputedColorScheme('light');
  const next = scheme === 'dark' ? 'light' : 'dark';
  return (
    <Tooltip label={`Switch to ${next}`}>
      <ActionIcon onClick={() => setColorScheme(next)} aria-label={`Switch to ${next}`} size="lg">
        {scheme === 'dark' ? <IconSun size={18} /> : <IconMoon size={18} />}
      </ActionIcon>
    </Tooltip>
  );
}
